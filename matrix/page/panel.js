// The panel: everything that is known of one cell.

const PANEL = document.getElementById("panel");
let opened;

// Text in which `code` is code.
function prose(text, name = "p") {
  const element = make(name);
  text.split("`").forEach((part, number) => element.append(number % 2 ? make("code", { text: part }) : part));
  return element;
}

function badge(word, kind) {
  return make("span", { className: `badge ${kind}` }, WORDS.includes(word) ? signOf(word) : null, word);
}

const asText = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 1));

function pairs(table) {
  const rows = Object.entries(table).map(([name, value]) =>
    make("tr", {}, make("th", { scope: "row", text: name }), make("td", { text: asText(value) })),
  );
  return make("table", { className: "pairs" }, make("tbody", {}, ...rows));
}

function fold(title, content, open = false) {
  return make("details", { open }, make("summary", { text: title }), content);
}

const isEmpty = (value) =>
  value === undefined || value === null || value === "" || (typeof value === "object" && !Object.keys(value).length);

function foldValue(title, value, open) {
  if (isEmpty(value)) return null;
  const flat = typeof value === "object" && !Array.isArray(value);
  return fold(title, flat ? pairs(value) : make("pre", { text: asText(value), tabIndex: 0 }), open);
}

async function copy(text, button) {
  let done = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Not every browser lets a page from disk have the clipboard.
    const field = make("textarea", { value: text, className: "away" });
    document.body.append(field);
    field.select();
    done = document.execCommand("copy");
    field.remove();
    button.focus();
  }
  button.textContent = done ? "Copied" : "Not allowed";
  setTimeout(() => (button.textContent = "Copy"), 2000);
}

function command(record) {
  const text = repeatCommand(record);
  const button = make("button", { type: "button", text: "Copy", className: "copy", "aria-label": "Copy the command" });
  button.addEventListener("click", () => copy(text, button));
  return make("div", { className: "command" }, make("code", { text }), button);
}

// Which of the records of the place is shown: one tab for each entry point, and environment.
function tabs(record, records) {
  if (records.length < 2) return null;
  const environments = new Set(records.map((one) => one.environment.label));
  const list = records.map((one) => {
    const place = environments.size > 1 ? ` · ${one.environment.label}` : "";
    const button = make("button", { type: "button", "aria-pressed": String(one === record) });
    button.append(signOf(one.word), labelOf(one.entryPoint) + place);
    button.addEventListener("click", () => {
      openPanel(one);
      PANEL.querySelector('.tabs [aria-pressed="true"]').focus();
    });
    return button;
  });
  return make("div", { className: "tabs", role: "group", "aria-label": "Entry points" }, ...list);
}

function promise(probe) {
  const [title, text] = lookup(CATALOGUE.promises, probe.promise) ?? ["", ""];
  if (!text) return make("p", { className: "faint", text: probe.promise });
  const paragraphs = text.split(/\n\s*\n/).map((part) => prose(part.replace(/\s+/g, " ")));
  return fold(`${probe.promise} ${title}`, make("div", { className: "promise-text" }, ...paragraphs));
}

function was(record) {
  const { change, before } = record;
  if (!change) return null;
  const title = { new: "Only this run has it.", gone: "Only the earlier run has it; this is what it was." };
  const box = make("div", { className: "was" }, make("strong", { text: change }));
  if (!before) box.append(make("p", { text: title[change] }));
  else {
    box.append(make("p", {}, "before: ", badge(before.outcome, before.outcome), ` ${before.detail ?? ""}`));
    for (const name of ["traceback", "stacks"]) {
      const value = foldValue(`${name} before`, before[name], false);
      if (value) box.append(value);
    }
  }
  return box;
}

function circumstances(record) {
  const seconds = record.seconds ? `${record.seconds.toPrecision(3)} s` : "";
  const hang = [record.hang_class, record.signature].filter(Boolean).join(" · ");
  const known = record.expectation;
  return [
    record.sentence || record.detail ? make("p", { className: "detail", text: record.sentence ?? record.detail }) : null,
    hang ? make("p", {}, make("code", { text: hang }), record.evidence ? `: ${record.evidence}` : "") : null,
    record.second_run ? make("p", { text: `second run: ${record.second_run}` }) : null,
    isEmpty(record.explanation) ? null : make("pre", { text: asText(record.explanation), tabIndex: 0 }),
    known ? prose(`Known failure: ${known.reason} (${known.issue})`) : null,
    make("p", {
      className: "faint",
      text: [record.phase && `in ${record.phase}`, seconds, record.host && `host ${record.host}`, record.environment.label]
        .filter(Boolean)
        .join(" · "),
    }),
  ];
}

function evidence(record) {
  const failed = record.outcome !== "pass" && record.outcome !== "skip";
  const { label, packages, ...machine } = record.environment;
  return [
    foldValue("Traceback", record.traceback, failed),
    foldValue("Stacks", record.stacks, failed),
    foldValue("Task stacks", record.task_stacks, failed),
    ...record.others.map((name) => foldValue(name.replaceAll("_", " "), record[name], false)),
    foldValue("Observations", record.observations, true),
    foldValue("Output of the host", record.output, failed),
    foldValue("Facts", record.facts, false),
    foldValue("Environment", machine, false),
    foldValue("Versions", packages ?? {}, false),
  ];
}

// The records beside which one is shown: those of its place that the filter leaves.
function openPanel(record, records = opened?.records ?? [record]) {
  opened = { record, records };
  const probe = PROBE.get(record.probe);
  const close = make("button", { type: "button", className: "close", "aria-label": "Close", text: "×" });
  close.addEventListener("click", closePanel);
  const link = make("a", { href: `#${record.link}`, text: "Link to this cell" });
  const summary = lookup(CATALOGUE.contexts, record.context);
  PANEL.replaceChildren(
    ...[
      make("div", { className: "panel-head" }, make("h2", { id: "panel-title", text: record.probe }), close),
      make("p", { className: "where" }, make("b", { text: record.context }), summary ? `: ${summary}` : ""),
      make("p", { className: "where" }, `${labelOf(record.entryPoint)} · ${record.target}`),
      tabs(record, records),
      make(
        "p",
        { className: "badges" },
        badge(record.outcome, record.word),
        record.verdict ? badge(record.verdict, record.unexpected ? "red" : "plain") : null,
      ),
      was(record),
      probe.claim ? prose(`Claim: ${probe.claim}`) : null,
      ...circumstances(record),
      command(record),
      promise(probe),
      ...evidence(record),
      make("p", { className: "faint" }, link),
    ].filter((child) => child !== null),
  );
  PANEL.hidden = false;
  PANEL.scrollTop = 0;
  document.body.classList.add("open");
  history.replaceState(null, "", `#${encodeURI(record.link)}`);
}

function closePanel() {
  if (PANEL.hidden) return;
  PANEL.hidden = true;
  document.body.classList.remove("open");
  const record = opened.record;
  opened = undefined;
  history.replaceState(null, "", location.pathname + location.search);
  const cell = placeOf(record) ?? currentPlace();
  if (cell) focusPlace(cell);
}
