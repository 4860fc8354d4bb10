// The page as a whole: what it says of the run, the filters, the keys, the theme, links to cells.

const byId = (id) => document.getElementById(id);
const filter = { ...NO_FILTER, outcomes: new Set() };

function aboutTheRun() {
  const { run, against } = DATA;
  const own = RECORDS.filter((record) => record.change !== "gone");
  const red = own.filter((record) => record.unexpected).length;
  const wrong = run.objections ?? [];
  const counts = [[red, "unexpected"], [wrong.length, "to correct"]].filter(([count]) => count);
  const found = counts.map(([count, word]) => `${count} ${word}`).join(", ") || "all as expected";
  const meaning = run.interrupted ? "interrupted" : run.complete ? found : "incomplete";
  const bad = meaning !== "all as expected";
  byId("meaning").className = bad ? "bad" : "good";
  byId("meaning").append(signOf(bad ? "fail" : "pass"), meaning);
  const seconds = run.seconds ? `, ${Math.round(run.seconds)} s` : "";
  const counted = (list, word) => (list.length === 1 ? list[0] : `${list.length} ${word}`);
  byId("about").textContent =
    `${own.length} cells${seconds} · ${counted(run.environments, "environments")}` +
    (against ? ` · against ${against.name} (${counted(against.environments, "environments")})` : "");
  byId("objections").hidden = !wrong.length;
  byId("objections").append(
    ...wrong.map((one) => make("li", {}, make("b", { text: one.fault }), ` ${one.file}:${one.line}: ${one.text}; ${one.write}`)),
  );
  document.title = `matrix: ${meaning}`;
}

function toggle(text, sign, count, pressed) {
  const button = make("button", { type: "button", "aria-pressed": "false", className: "toggle" });
  button.append(...(sign ? [signOf(sign)] : []), `${text} `, make("span", { className: "count", text: String(count) }));
  button.addEventListener("click", () => {
    const now = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(now));
    pressed(now);
    update();
  });
  return button;
}

function choice(title, name, values, textOf = (value) => value) {
  if (values.length < 2) return null;
  const select = make("select", { "aria-label": title });
  select.append(make("option", { value: "", text: `${title}: all` }));
  select.append(...values.map((value) => make("option", { value, text: textOf(value) })));
  select.addEventListener("change", () => {
    filter[name] = select.value;
    update();
  });
  return select;
}

function makeFilters() {
  const counts = countBy(RECORDS, (record) => record.word);
  for (const outcome of WORDS.filter((one) => counts.has(one))) {
    const button = toggle(outcome, outcome, counts.get(outcome), (now) =>
      filter.outcomes[now ? "add" : "delete"](outcome),
    );
    button.classList.add(outcome);
    byId("outcomes").append(button);
  }
  const red = RECORDS.filter((record) => record.unexpected).length;
  const changed = RECORDS.filter((record) => record.change).length;
  if (red) byId("only").append(toggle("unexpected only", "", red, (now) => (filter.unexpected = now)));
  if (COMPARING) byId("only").append(toggle("changed only", "", changed, (now) => (filter.changed = now)));
  const promises = [...new Set(PROBES.map((probe) => probe.promise))];
  const titled = (number) => `${number} ${lookup(CATALOGUE.promises, number)?.[0] ?? ""}`.trim();
  const choices = [
    choice("Target", "target", FAMILIES),
    choice("Promise", "promise", promises, titled),
    choice("Context", "context", CONTEXTS),
    choice("Entry point", "entryPoint", ENTRY_POINTS, labelOf),
    choice("Environment", "environment", [...new Set(ENVIRONMENTS)]),
  ];
  byId("choices").append(...choices.filter((one) => one !== null));
}

function update() {
  filter.words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const left = showFiltered(filter);
  const all = left.length === RECORDS.length;
  byId("shown").textContent = all ? `${left.length} cells` : `${left.length} of ${RECORDS.length} cells`;
  byId("show-all").hidden = all && !filter.words.length;
  document.body.classList.toggle("nothing", !left.length);
}

function showAll() {
  Object.assign(filter, NO_FILTER, { outcomes: new Set() });
  for (const name of ["target", "promise", "context", "entryPoint", "environment"]) delete filter[name];
  for (const button of document.querySelectorAll("#filters .toggle")) button.setAttribute("aria-pressed", "false");
  byId("filters").reset();
}

function openPlace(cell, { enter }) {
  if (!cell?.records) return;
  openPanel(worstOf(cell.records), cell.records);
  if (enter) PANEL.focus();
}

// A link may lead to a cell that the filter hides.
function openLink() {
  let link;
  try {
    link = decodeURI(location.hash.slice(1));
  } catch {
    return;
  }
  const record = RECORDS.find((one) => one.link === link);
  if (!record) return;
  if (!placeOf(record)) {
    showAll();
    update();
  }
  const cell = placeOf(record);
  focusPlace(cell);
  openPanel(record, cell.records);
}

const MOVES = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"]);

function onKey(event) {
  const { key, target } = event;
  if (event.altKey || event.metaKey || byId("keys").open) return;
  const typing = target.matches("input, select, textarea");
  if (key === "Escape") return leave(target);
  const cell = target.closest("td[role=gridcell]");
  if (cell && MOVES.has(key)) {
    event.preventDefault();
    const next = neighbour(cell, key, event.ctrlKey);
    focusPlace(next);
    // An open panel follows, as long as there is something to show.
    if (!PANEL.hidden) openPlace(next, { enter: false });
  } else if (cell && (key === "Enter" || key === " ")) {
    event.preventDefault();
    openPlace(cell, { enter: true });
  } else if (!typing && !event.ctrlKey) shortcut(event);
}

function shortcut(event) {
  const { key } = event;
  if (key === "/") byId("search").select();
  else if (key === "?") byId("keys").showModal();
  else if (key === "n" || key === "p") {
    const from = currentPlace();
    const next = from && nextNotable(from, key === "n" ? 1 : -1);
    if (!next) return;
    focusPlace(next);
    if (!PANEL.hidden) openPlace(next, { enter: false });
  } else return;
  event.preventDefault();
}

function leave(target) {
  if (target === byId("search") && byId("search").value) {
    byId("search").value = "";
    update();
  } else if (!PANEL.hidden) closePanel();
  else if (target === byId("search")) currentPlace()?.focus();
}

// The reader's choice holds for the next page too, where the browser keeps such things for files.
const THEMES = { "": "Auto", light: "Light", dark: "Dark" };
function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  byId("theme").textContent = `Theme: ${THEMES[theme]}`;
  try {
    localStorage.setItem("matrix-theme", theme);
  } catch {
    // Then it holds for this page.
  }
}

function startTheme() {
  let kept = "";
  try {
    kept = localStorage.getItem("matrix-theme") ?? "";
  } catch {
    // As above.
  }
  setTheme(kept in THEMES ? kept : "");
  const names = Object.keys(THEMES);
  byId("theme").addEventListener("click", () => {
    setTheme(names[(names.indexOf(document.documentElement.dataset.theme) + 1) % names.length]);
  });
}

function listen() {
  document.addEventListener("keydown", onKey);
  byId("search").addEventListener("input", update);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("filters").addEventListener("reset", () => setTimeout(update));
  byId("show-all").addEventListener("click", showAll);
  byId("help").addEventListener("click", () => byId("keys").showModal());
  byId("keys-close").addEventListener("click", () => byId("keys").close());
  GRIDS.addEventListener("click", (event) => {
    const cell = event.target.closest("td[role=gridcell]");
    if (!cell) return;
    focusPlace(cell);
    openPlace(cell, { enter: false });
  });
  for (const name of ["mouseover", "focusin"])
    GRIDS.addEventListener(name, (event) => light(event.target.closest("td[role=gridcell]")));
  GRIDS.addEventListener("mouseleave", () => light(document.activeElement));
  addEventListener("hashchange", openLink);
  addEventListener("beforeprint", () => shownSections().forEach((section) => section.draw()));
}

for (const outcome of WORDS.toReversed())
  byId("signs").append(
    make("div", {}, make("dt", { className: outcome }, signOf(outcome), outcome), make("dd", { text: MEANINGS[outcome] })),
  );
startTheme();
aboutTheRun();
makeFilters();
listen();
update();
openLink();
