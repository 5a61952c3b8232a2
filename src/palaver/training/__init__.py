"""Past conversations as knowledge: runs over the pairs of question and answer that are in no training document yet."""
