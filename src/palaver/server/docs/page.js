"use strict";

// Renders openapi.json. Text only: nothing of the document is ever read as HTML.
function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function typeName(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf) return schema.anyOf.map(typeName).join(" | ");
  if (schema.enum) return schema.enum.map((each) => JSON.stringify(each)).join(" | ");
  if (schema.type === "array") return typeName(schema.items) + "[]";
  return schema.type || "any";
}

function table(rows) {
  const made = element("table");
  for (const cells of rows) {
    const row = made.appendChild(element("tr"));
    for (const cell of cells) row.appendChild(element("td", cell));
  }
  return made;
}

function contents(content) {
  return Object.entries(content || {}).map(([media, each]) => media + " " + typeName(each.schema)).join(", ");
}

function operation(path, method, described) {
  const made = element("details");
  const summary = made.appendChild(element("summary"));
  summary.appendChild(element("code", method.toUpperCase(), "method"));
  summary.appendChild(element("code", path));
  summary.appendChild(element("span", " " + described.summary, "quiet"));
  if (described.description) made.appendChild(element("p", described.description));
  const parameters = described.parameters || [];
  if (parameters.length) {
    made.appendChild(element("h4", "Parameters"));
    made.appendChild(table(parameters.map((each) =>
      [each.name + (each.required ? " *" : ""), each.in, typeName(each.schema), each.description || ""])));
  }
  if (described.requestBody) {
    made.appendChild(element("h4", "Body"));
    made.appendChild(element("p", contents(described.requestBody.content)));
  }
  made.appendChild(element("h4", "Answers"));
  made.appendChild(table(Object.entries(described.responses).map(([status, each]) =>
    [status, each.description, contents(each.content)])));
  return made;
}

function render(openapi) {
  const operations = document.getElementById("operations");
  operations.replaceChildren();
  const sections = new Map();
  for (const [path, methods] of Object.entries(openapi.paths)) {
    for (const [method, described] of Object.entries(methods)) {
      const tag = (described.tags || ["other"])[0];
      if (!sections.has(tag)) {
        const section = operations.appendChild(element("section"));
        section.appendChild(element("h2", tag));
        sections.set(tag, section);
      }
      sections.get(tag).appendChild(operation(path, method, described));
    }
  }
  const schemas = document.getElementById("schemas");
  for (const [name, schema] of Object.entries(openapi.components.schemas)) {
    const made = schemas.appendChild(element("details"));
    made.appendChild(element("summary", name));
    made.appendChild(element("pre", JSON.stringify(schema, null, 2)));
  }
}

fetch("openapi.json")
  .then((answer) => answer.json())
  .then(render)
  .catch((error) => {
    document.getElementById("operations").replaceChildren(element("p", "openapi.json could not be read: " + error));
  });
