"""What every HTTP surface shares: reading bodies, who may come in, event streams. It knows no route."""
