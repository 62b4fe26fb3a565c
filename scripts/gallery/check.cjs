// Asks what channels' makers publish about payloads: Microsoft's renderer about cards, Slack's types about blocks.
//
// Reads {"cards": {name: card}, "blocks": {name: [block, …]}} from standard input and writes the same shape with a list of
// complaints for each name. The renderer parses as of version 1.4; blocks are checked as literals of `KnownBlock[]`, where
// TypeScript refuses unknown properties as well.
"use strict";
const path = require("path");
const AdaptiveCards = require("adaptivecards/dist/adaptivecards.js");
const ts = require("typescript");

function cardComplaints(card) {
  const context = new AdaptiveCards.SerializationContext(new AdaptiveCards.Version(1, 4));
  const parsed = new AdaptiveCards.AdaptiveCard();
  parsed.parse(card, context);
  const events = Array.from({ length: context.eventCount }, (_, index) => context.getEventAt(index));
  return [...events, ...parsed.validateProperties().validationEvents].map((event) => event.message);
}

function blockComplaints(blocks) {
  const file = path.join(__dirname, "blocks.ts");
  const names = Object.keys(blocks);
  const lines = names.map((name, index) => `export const c${index}: KnownBlock[] = ${literal(blocks[name])};`);
  const text = ['import type { KnownBlock } from "@slack/types";', ...lines].join("\n");
  const options = { strict: true, noEmit: true, skipLibCheck: true, types: [], module: ts.ModuleKind.CommonJS };
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (name, version) => (name === file ? ts.createSourceFile(name, text, version) : read(name, version));
  const program = ts.createProgram([file], options, host);
  const found = Object.fromEntries(names.map((name) => [name, []]));
  for (const { file: source, start, messageText } of ts.getPreEmitDiagnostics(program)) {
    const line = source === undefined || source.fileName !== file ? 0 : source.getLineAndCharacterOfPosition(start).line;
    if (line === 0) throw new Error(ts.flattenDiagnosticMessageText(messageText, "\n"));
    found[names[line - 1]].push(ts.flattenDiagnosticMessageText(messageText, "\n"));
  }
  return found;
}

// On one line, so that a complaint's line says whose it is; JSON allows two line ends that TypeScript counts as such.
function literal(value) {
  return JSON.stringify(value).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}

let input = "";
process.stdin.setEncoding("utf8").on("data", (chunk) => (input += chunk)).on("end", () => {
  const { cards, blocks } = JSON.parse(input);
  const told = Object.entries(cards).map(([name, card]) => [name, cardComplaints(card)]);
  process.stdout.write(JSON.stringify({ cards: Object.fromEntries(told), blocks: blockComplaints(blocks) }));
});
