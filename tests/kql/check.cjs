// Asks Microsoft's Kusto language service about queries and literals.
//
// Reads {"tables": {name: "(column:type, …)"}, "queries": {name: text}, "literals": [text]} from standard input and writes
// {"findings": {name: ["line 3: Error KS142: …"]}, "literals": [value or null]}: every error and warning of each query
// against the tables, and the value of each literal where it is exactly one string literal.
"use strict";
const path = require("path");

const service = path.dirname(require.resolve("@kusto/language-service-next/package.json"));
require(path.join(service, "bridge.min.js"));
require(path.join(service, "Kusto.Language.Bridge.min.js"));
const { Symbols, Syntax, GlobalState, KustoCode } = Kusto.Language;

function findings(text, globals) {
  const diagnostics = KustoCode.ParseAndAnalyze(text, globals).GetDiagnostics();
  const found = [];
  for (let i = 0; i < diagnostics.Count; i++) {
    const { Start, Severity, Code, Message } = diagnostics.getItem(i);
    const line = text.slice(0, Start).split("\n").length;
    if (Severity === "Error" || Severity === "Warning") found.push(`line ${line}: ${Severity} ${Code}: ${Message}`);
  }
  return found;
}

function literal(text) {
  const query = `print x = ${text}`;
  const code = KustoCode.Parse(query);
  let value = null;
  Syntax.SyntaxElement.WalkNodes(code.Syntax, (node) => {
    if (node.Kind === Syntax.SyntaxKind.StringLiteralExpression && node.ToString().trim() === text) value = node.LiteralValue;
  });
  return code.GetDiagnostics().Count === 0 ? value : null;
}

let input = "";
process.stdin.setEncoding("utf8").on("data", (chunk) => (input += chunk)).on("end", () => {
  const { tables, queries, literals } = JSON.parse(input);
  const symbols = Object.entries(tables).map(([name, schema]) => new Symbols.TableSymbol.$ctor7(name, schema, null));
  const globals = GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.ctor("workspace", symbols));
  const told = Object.fromEntries(Object.entries(queries).map(([name, text]) => [name, findings(text, globals)]));
  process.stdout.write(JSON.stringify({ findings: told, literals: literals.map(literal) }));
});
