// The grids, one a target: contexts down, probes across, drawn when they come into view.

const SVG = "http://www.w3.org/2000/svg";
const GRIDS = document.getElementById("grids");

function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "text") element.textContent = value;
    else if (key.includes("-") || key === "role") element.setAttribute(key, value);
    else element[key] = value;
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

function signOf(outcome) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#sign-${WORDS.includes(outcome) ? outcome : "error"}`);
  svg.setAttribute("class", "sign");
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

function summaryOf(records) {
  const counts = countBy(records, (record) => record.word);
  const words = WORDS.filter((outcome) => counts.has(outcome)).map((outcome) =>
    records.length === 1 ? outcome : `${counts.get(outcome)} ${outcome}`,
  );
  const red = records.filter((record) => record.unexpected).length;
  const changes = countBy(records.filter((record) => record.change), (record) => record.change);
  const more = [...changes].map(([change, count]) => (records.length === 1 ? change : `${count} ${change}`));
  return [...words, ...(red ? [`${red === records.length ? "" : `${red} `}unexpected`] : []), ...more].join(", ");
}

// One section of the page; `draw` fills it with what a filter leaves.
class Section {
  constructor(family) {
    this.family = family;
    this.heading = make("h2", { text: family });
    this.counts = make("p", { className: "counts" });
    this.body = make("div", { className: "body" });
    this.element = make("section", {}, make("div", { className: "heading" }, this.heading, this.counts), this.body);
    this.places = [];
    this.drawn = true;
  }

  // Take note of a filter; the table is made when the section is seen.
  filter(filter) {
    const found = new Map();
    const rows = new Set();
    const columns = new Set();
    let own = [];
    for (const [key, records] of PLACES) {
      if (records[0].family !== this.family) continue;
      const left = records.filter((record) => matches(record, filter));
      if (!left.length) continue;
      found.set(key, left);
      rows.add(left[0].row);
      columns.add(left[0].probe);
      own = own.concat(left);
    }
    this.found = found;
    this.rows = ROWS.filter((row) => rows.has(row));
    this.columns = PROBES.filter((probe) => columns.has(probe.name));
    this.element.hidden = !own.length;
    this.counts.textContent = summaryOf(own);
    this.body.replaceChildren();
    // Room for the table, so that what is below does not come into view before its time.
    this.body.style.minHeight = `${200 + 24 * this.rows.length}px`;
    this.places = [];
    this.drawn = false;
    return own;
  }

  // The places that are unexpected or have changed, in the order of rows.
  notable() {
    const ask = (record) => record.unexpected || record.change;
    return this.rows.flatMap((name, row) =>
      this.columns.flatMap((probe, column) =>
        this.found.get(placeKey(this.family, name, probe.name))?.some(ask) ? [{ section: this, row, column }] : [],
      ),
    );
  }

  draw() {
    if (this.drawn) return;
    this.drawn = true;
    const label = `${this.family}: contexts down, probes across`;
    const table = make("table", { role: "grid", "aria-label": label, "aria-readonly": "true" });
    table.append(this.head(), make("tbody", {}, ...this.rows.map((name, row) => this.row(name, row))));
    this.body.replaceChildren(table);
    this.body.style.minHeight = "";
  }

  head() {
    const names = make("tr", { className: "names" }, make("td"));
    const codes = make("tr", { className: "codes" }, make("th", { scope: "col", text: "context" }));
    for (const [column, probe] of this.columns.entries()) {
      const first = column === 0 || this.columns[column - 1].promise !== probe.promise;
      names.append(make("td", { className: first ? "first" : "", "aria-hidden": "true" }, make("span", { text: probe.name })));
      const code = make("th", { scope: "col", className: first ? "first" : "", title: `${probe.name}: ${probe.claim}` });
      code.setAttribute("aria-label", `${probe.code} ${probe.name}`);
      code.append(make("span", { className: "promise", text: first ? probe.promise : "" }), make("span", { text: probe.letter || " " }));
      codes.append(code);
    }
    return make("thead", {}, names, codes);
  }

  row(name, row) {
    const heading = make("th", { scope: "row", text: name, title: lookup(CATALOGUE.contexts, name) ?? name });
    const places = this.columns.map((probe, column) => this.place(name, probe, row, column));
    this.places.push(places);
    return make("tr", {}, heading, ...places);
  }

  place(name, probe, row, column) {
    const cell = make("td", { role: "gridcell", tabIndex: -1 });
    if (column === 0 || this.columns[column - 1].promise !== probe.promise) cell.className = "first";
    cell.where = { section: this, row, column, name, probe };
    const records = this.found.get(placeKey(this.family, name, probe.name));
    if (!records) {
      cell.setAttribute("aria-label", `${name}, ${probe.name}: not shown`);
      return cell;
    }
    const worst = worstOf(records);
    cell.records = records;
    cell.classList.add("cell", worst.word);
    if (worst.unexpected) cell.classList.add("unexpected");
    if (records.some((record) => record.word !== worst.word)) cell.classList.add("mixed");
    const change = ["broke", "changed", "fixed", "new", "gone"].find((word) => records.some((record) => record.change === word));
    if (change) cell.classList.add("differs", change);
    cell.setAttribute("aria-label", `${name}, ${probe.name}: ${summaryOf(records)}`);
    cell.append(signOf(worst.word));
    return cell;
  }
}

const SECTIONS = FAMILIES.map((family) => new Section(family));
const SEEN = new IntersectionObserver(
  (entries) => {
    for (const entry of entries)
      if (entry.isIntersecting) SECTIONS.find((section) => section.element === entry.target).draw();
  },
  { root: GRIDS, rootMargin: "400px" },
);
GRIDS.append(...SECTIONS.map((section) => section.element));

// Show what a filter leaves; return the records.
function showFiltered(filter) {
  const left = SECTIONS.flatMap((section) => {
    SEEN.unobserve(section.element);
    return section.filter(filter);
  });
  SECTIONS.find((section) => !section.element.hidden)?.draw();
  for (const section of SECTIONS) if (!section.element.hidden) SEEN.observe(section.element);
  const first = firstPlace();
  if (first) first.tabIndex = 0;
  return left;
}

const shownSections = () => SECTIONS.filter((section) => !section.element.hidden);
const firstPlace = () => shownSections()[0]?.places[0]?.[0];
let current;
const currentPlace = () => (current?.isConnected ? current : firstPlace());

function placeOf(record) {
  const section = SECTIONS.find((one) => one.family === record.family);
  if (section.element.hidden) return undefined;
  section.draw();
  const row = section.rows.indexOf(record.row);
  const column = section.columns.findIndex((probe) => probe.name === record.probe);
  const cell = section.places[row]?.[column];
  return cell?.records?.includes(record) ? cell : undefined;
}

// Exactly one place is a tab stop; arrows move it.
function focusPlace(cell) {
  const before = currentPlace();
  if (before) before.tabIndex = -1;
  current = cell;
  cell.tabIndex = 0;
  cell.focus({ preventScroll: true });
  cell.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function neighbour(cell, key, toTheEnd) {
  const { section, row, column } = cell.where;
  const places = section.places;
  const at = (line, place) => places[line][Math.max(0, Math.min(places[line].length - 1, place))];
  const line = (to) => at(Math.max(0, Math.min(places.length - 1, to)), column);
  if (key === "ArrowLeft") return at(row, column - 1);
  if (key === "ArrowRight") return at(row, column + 1);
  if (key === "PageUp") return line(row - 10);
  if (key === "PageDown") return line(row + 10);
  if (key === "Home") return toTheEnd ? at(0, 0) : at(row, 0);
  if (key === "End") return toTheEnd ? at(places.length - 1, Infinity) : at(row, Infinity);
  const next = row + (key === "ArrowUp" ? -1 : 1);
  if (places[next]) return at(next, column);
  const shown = shownSections();
  const other = shown[shown.indexOf(section) + (key === "ArrowUp" ? -1 : 1)];
  if (!other) return cell;
  other.draw();
  const edge = other.places[key === "ArrowUp" ? other.places.length - 1 : 0];
  return edge[Math.min(column, edge.length - 1)];
}

// The next place that asks for attention, round and round; only its own grid is drawn.
function nextNotable(from, step) {
  const all = shownSections().flatMap((section) => section.notable());
  const at = (one) => [SECTIONS.indexOf(one.section), one.row, one.column];
  const order = (one, other) => at(one).map((number, part) => number - at(other)[part]).find(Boolean) ?? 0;
  const ahead = all.filter((one) => step * order(one, from.where) > 0);
  const next = (ahead.length ? ahead : all).at(step > 0 ? 0 : -1);
  next?.section.draw();
  return next?.section.places[next.row][next.column];
}

// The row and the column of a place are lit, and the line below says what it is.
let lit = [];
function light(cell) {
  for (const one of lit) one.classList.remove("lit");
  lit = [];
  const readout = document.getElementById("readout");
  if (!cell?.where) {
    readout.textContent = "";
    return;
  }
  const { name, probe, column } = cell.where;
  const head = cell.closest("table").tHead;
  lit = [cell.parentElement.cells[0], head.rows[0].cells[column + 1], head.rows[1].cells[column + 1]];
  for (const one of lit) one.classList.add("lit");
  const about = cell.records ? summaryOf(cell.records) : "not shown";
  readout.textContent = `${name} · ${probe.code} ${probe.name}: ${probe.claim} · ${about}`;
}
