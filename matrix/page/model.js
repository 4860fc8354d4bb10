"use strict";
// What the page knows: records by place, what a search finds, what has changed. Nothing here draws.

// Worst first, so that one place can stand for several records. As in matrix/board.py.
const OUTCOMES = ["error", "crash", "hang", "fail", "refused", "pass", "skip"];
const WORDS = ["error", "crash", "hang", "fail", "refused", "pass", "noticed", "skip"];
const MEANINGS = {
  pass: "the claim held",
  fail: "the claim did not hold",
  hang: "the limit passed, and the processes were killed",
  crash: "the process died",
  refused: "the call was declined, with an error that says so",
  skip: "the cell means nothing here, for a stated reason",
  error: "the matrix itself failed",
  noticed: "a control: its probe has noticed the broken bridge, as it must",
};
const DATA = JSON.parse(document.getElementById("data").textContent);
const { catalogue: CATALOGUE } = DATA;
const COMPARING = "against" in DATA;

// Controls that stand for themselves have a target each, "control:NAME" if they are broken bridges and
// "near_miss:NAME" if they are right ones; they share one grid, with a row for each.
const CONTROLS = "controls";
const familyOf = (target) => (/^(control|near_miss):/.test(target) ? CONTROLS : target);
const isBroken = (target) => /^control(:|$)/.test(target);
const isControl = (family) => family === "control" || family === CONTROLS;
// An object that came from JSON has a prototype; a context may be called "constructor".
const lookup = (table, name) => (Object.hasOwn(table, name) ? table[name] : undefined);

// Fields that the panel shows in places of their own; any other that a record has is shown by its name.
const PLACED = new Set([
  ...["cell", "outcome", "verdict", "detail", "sentence", "expectation", "phase", "seconds", "host", "change", "before"],
  ...["hang_class", "evidence", "signature", "second_run", "explanation", "traceback", "stacks", "task_stacks", "output", "observations"],
  ...["facts", "environment"],
]);

function asRecord(raw) {
  raw.others = Object.keys(raw).filter((name) => !PLACED.has(name));
  const [target, entryPoint, context, probe] = raw.cell.split("/");
  const environment = DATA.environments[raw.environment];
  return Object.assign(raw, { target, entryPoint, context, probe, environment, facts: DATA.facts[raw.facts] });
}

// In a comparison a record has a `change`, and what it was `before`; cells that are gone are shown as
// the older run had them.
function readRecords() {
  const records = [...DATA.records, ...(DATA.gone ?? [])].map(asRecord);
  const seen = new Map();
  for (const record of records) {
    const times = (seen.get(record.cell) ?? 0) + 1;
    seen.set(record.cell, times);
    record.link = record.cell + (times > 1 ? `@${times}` : "");
    record.change ??= "";
    record.before &&= asRecord(record.before);
    // A control is a broken bridge: what its probe noticed is no failure.
    record.word = isBroken(record.target) && record.verdict === "ok" && record.outcome !== "skip" ? "noticed" : record.outcome;
    record.unexpected = record.change !== "gone" && (record.verdict ?? "ok") !== "ok";
  }
  return records;
}

const RECORDS = readRecords();

// Probes by promise, each with the code that the terminal gives it: S3a, S3b.
function readProbes() {
  const names = [...new Set(RECORDS.map((record) => record.probe))];
  const probes = names.map((name) => ({ name, promise: "", claim: "", ...lookup(CATALOGUE.probes, name) }));
  const order = (probe) => Number(probe.promise.slice(1)) || 1000;
  probes.sort((one, other) => order(one) - order(other) || (one.name < other.name ? -1 : 1));
  const groups = Map.groupBy(probes, (probe) => probe.promise);
  for (const group of groups.values())
    group.forEach((probe, place) => {
      probe.letter = group.length > 1 ? String.fromCharCode(97 + (place % 26)) : "";
      probe.code = probe.promise + probe.letter;
    });
  return probes;
}

const PROBES = readProbes();
const PROBE = new Map(PROBES.map((probe) => [probe.name, probe]));
const FAMILIES = [...new Set(RECORDS.map((record) => familyOf(record.target)))].sort(
  (one, other) => isControl(one) - isControl(other),
);
const CONTEXTS = [...new Set(RECORDS.map((record) => record.context))].sort();
const ENTRY_POINTS = [...new Set(RECORDS.map((record) => record.entryPoint))].sort();
const ENVIRONMENTS = DATA.environments.map((environment) => environment.label);
const labelOf = (entryPoint) => lookup(CATALOGUE.entry_points, entryPoint) ?? entryPoint;

// A row of a grid is a context, or a control.
for (const record of RECORDS) {
  const { target, context } = record;
  record.family = familyOf(target);
  record.row = record.family === CONTROLS ? target : context;
}
const placeKey = (family, row, probe) => `${family}/${row}/${probe}`;
const PLACES = Map.groupBy(RECORDS, (record) => placeKey(record.family, record.row, record.probe));
const ROWS = [...new Set(RECORDS.map((record) => record.row))].sort();

// The worst stands for all; among those that are alike, one that has changed.
const severity = (record) =>
  (record.unexpected ? 0 : 10) + OUTCOMES.indexOf(record.outcome) - (record.change ? 0.5 : 0);
const worstOf = (records) => records.reduce((worst, one) => (severity(one) < severity(worst) ? one : worst));

// What a search looks at, made when somebody searches.
function haystackOf(record) {
  if (record.haystack === undefined) {
    const probe = PROBE.get(record.probe);
    const observed = Object.entries(record.observations ?? {}).flat();
    const texts = ["cell", "word", "verdict", "change", "phase", "detail", "sentence", "hang_class", "evidence", "signature"];
    const long = ["explanation", "traceback", "stacks", "task_stacks", "output"];
    const about = [probe.claim, probe.code, labelOf(record.entryPoint), lookup(CATALOGUE.contexts, record.context)];
    const own = [...texts, ...long].map((name) => record[name]);
    record.haystack = [...own, ...about, record.environment.label, ...observed].join("\n").toLowerCase();
  }
  return record.haystack;
}

const NO_FILTER = { words: [], outcomes: new Set(), unexpected: false, changed: false };

function matches(record, filter) {
  return (
    (!filter.target || record.family === filter.target) &&
    (!filter.context || record.context === filter.context) &&
    (!filter.promise || PROBE.get(record.probe).promise === filter.promise) &&
    (!filter.entryPoint || record.entryPoint === filter.entryPoint) &&
    (!filter.environment || record.environment.label === filter.environment) &&
    (!filter.outcomes.size || filter.outcomes.has(record.word)) &&
    (!filter.unexpected || record.unexpected) &&
    (!filter.changed || record.change !== "") &&
    filter.words.every((word) => haystackOf(record).includes(word))
  );
}

function countBy(records, key) {
  const counts = new Map();
  for (const record of records) counts.set(key(record), (counts.get(key(record)) ?? 0) + 1);
  return counts;
}

const quoted = (word) => (/^[\w./*-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);
const repeatCommand = (record) => `python -m matrix run --cell ${quoted(record.cell)}`;
