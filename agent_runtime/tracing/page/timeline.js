"use strict";
// Draws the trace that the page holds as JSON. Texts of the trace become text nodes and attributes, never markup.

const data = JSON.parse(document.getElementById("data").textContent);
const { spans, lanes, waits } = data;
const byId = id => document.getElementById(id);
const ROW = 26;
const MOST_BARS = 3000; // more would make a browser slow; the longest of those in sight are drawn
const SIGNS = { failed: "✗ ", cancelled: "⊘ ", skipped: "○ ", unfinished: "… ", ok: "" };
const KINDS = {
    call: "call: a thread waits in a sync entry point",
    run: "run of a workflow, on its loop",
    step: "step",
    attempt: "attempt",
    model: "model: a question to a language model",
    tool: "tool that a model has called",
    errand: "errand: a plain function on its thread",
};
const state = { perPixel: 1, chosen: null, bars: new Map(), wait: -1 };

function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes))
        if (key === "class") made.className = value;
        else made.setAttribute(key, value);
    made.append(...children);
    return made;
}

function duration(time) {
    if (time < 1e3) return `${Math.round(time)} µs`;
    if (time < 1e6) return `${+(time / 1e3).toPrecision(3)} ms`;
    return `${+(time / 1e6).toPrecision(time < 6e7 ? 3 : 5)} s`;
}

const threadOf = span => lanes.find(lane => lane.thread === span.thread).name;
const label = span =>
    `${span.kind} ${span.name}${span.of ? ` of step ${span.of}` : ""}, ${duration(span.end - span.start)} on ${threadOf(span)}, ${span.state}`;

function drawn() {
    const scroll = byId("scroll");
    const from = (scroll.scrollLeft - scroll.clientWidth) * state.perPixel;
    const to = (scroll.scrollLeft + 2 * scroll.clientWidth) * state.perPixel;
    const inSight = [...spans.keys()].filter(
        number => spans[number].end >= from && spans[number].start <= to);
    if (inSight.length <= MOST_BARS) return inSight;
    const length = number => spans[number].end - spans[number].start;
    const kept = new Set(inSight.sort((one, other) => length(other) - length(one)).slice(0, MOST_BARS));
    if (state.chosen !== null) kept.add(state.chosen);
    byId("note").textContent = `${inSight.length - MOST_BARS} shorter spans are not drawn; go closer to see them.`;
    return [...kept].sort((one, other) => one - other);
}

function axis() {
    const width = byId("canvas").clientWidth;
    const scroll = byId("scroll");
    const rough = 110 * state.perPixel;
    const power = 10 ** Math.floor(Math.log10(rough));
    const tick = [1, 2, 5, 10].map(one => one * power).find(one => one >= rough);
    const bar = element("div", { class: "axis", "aria-hidden": "true" });
    const first = Math.max(0, Math.floor((scroll.scrollLeft - width) * state.perPixel / tick));
    for (let number = first; number < first + 200 && number * tick <= data.end + tick; number++) {
        const mark = element("span", {}, duration(number * tick));
        mark.style.left = `${number * tick / state.perPixel}px`;
        bar.append(mark);
    }
    return bar;
}

function barOf(number) {
    const span = spans[number];
    const bar = element("button", {
        type: "button", class: `span ${span.kind} ${span.state}`, "aria-label": label(span), title: label(span),
        tabindex: "-1", "data-number": number,
    }, `${SIGNS[span.state]}${span.warnings ? "! " : ""}${span.of ? `${span.of} · ` : ""}${span.name}`);
    if (span.host_loop) bar.classList.add("still");
    place(bar, span.start, span.end, span.row);
    return bar;
}

function place(bar, start, end, row) {
    bar.style.left = `${start / state.perPixel}px`;
    bar.style.width = `${Math.max(3, (end - start) / state.perPixel)}px`;
    bar.style.top = `${row * ROW}px`;
}

function draw() {
    byId("note").textContent = "";
    const canvas = byId("canvas");
    const hadFocus = canvas.contains(document.activeElement);
    canvas.style.width = `${Math.ceil(data.end / state.perPixel) + 24}px`;
    const tracks = new Map();
    const parts = [axis()];
    for (const lane of lanes) {
        const track = element("div", { class: "track" });
        track.style.height = `${lane.rows * ROW}px`;
        tracks.set(lane.thread, track);
        const head = element("h3", {}, lane.name, " ", element("small", {}, `${lane.role} thread`));
        parts.push(element("div", { class: "lane" }, head, track));
    }
    state.bars.clear();
    const pauses = [];
    for (const number of drawn()) {
        const span = spans[number], track = tracks.get(span.thread);
        if (span.parent !== undefined && span.sent !== undefined && (span.start - span.sent) / state.perPixel >= 4) {
            const around = spans[span.parent], pause = element("div", { class: "pause" });
            place(pause, span.sent, span.start, around.row);
            pauses.push([tracks.get(around.thread), pause]);
        }
        state.bars.set(number, barOf(number));
        track.append(state.bars.get(number));
    }
    for (const [track, pause] of pauses) track.append(pause);
    const links = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    links.id = "links";
    links.setAttribute("aria-hidden", "true");
    canvas.replaceChildren(...parts, links);
    mark(hadFocus);
}

function mark(focus) {
    const bar = state.bars.get(state.chosen ?? 0);
    if (bar) bar.tabIndex = 0;
    if (state.chosen === null || !bar) return;
    bar.classList.add("chosen");
    if (focus) bar.focus({ preventScroll: true });
    link();
}

function link() {
    const canvas = byId("canvas"), links = byId("links"), span = spans[state.chosen];
    links.setAttribute("width", canvas.scrollWidth);
    links.setAttribute("height", canvas.scrollHeight);
    const top = number => {
        const bar = state.bars.get(number);
        return bar && bar.getBoundingClientRect().top - canvas.getBoundingClientRect().top + 11;
    };
    const join = (fromTime, from, toTime, to) => {
        const [y0, y1] = [top(from), top(to)], [x0, x1] = [fromTime / state.perPixel, toTime / state.perPixel];
        if (y0 === undefined || y1 === undefined) return;
        const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
        path.setAttribute("d", `M${x0},${y0} C${x0 + 18},${y0} ${x1 - 18},${y1} ${x1},${y1}`);
        links.append(path);
    };
    links.replaceChildren();
    if (span.parent !== undefined) join(span.sent ?? span.start, span.parent, span.start, state.chosen);
    if (span.parent !== undefined && span.received !== undefined)
        join(span.end, state.chosen, span.received, span.parent);
    for (const number of before(span)) join(spans[number].end, number, span.start, state.chosen);
}

function before(span) {
    const names = new Set(span.after ?? []);
    return [...spans.keys()].filter(number => {
        const other = spans[number];
        return other.kind === "step" && other.run === span.run && names.has(other.name);
    });
}

function choose(number, { focus = true } = {}) {
    state.chosen = number;
    const span = spans[number], scroll = byId("scroll");
    const left = span.start / state.perPixel, right = span.end / state.perPixel;
    if (left < scroll.scrollLeft || Math.min(right, left + 80) > scroll.scrollLeft + scroll.clientWidth)
        scroll.scrollLeft = Math.max(0, left - scroll.clientWidth / 4);
    draw();
    const bar = state.bars.get(number);
    if (bar && focus) bar.focus({ preventScroll: true });
    if (bar) bar.scrollIntoView({ block: "nearest", inline: "nearest" });
    tell(span);
}

function tell(span) {
    const latest = before(span).sort((one, other) => spans[other].end - spans[one].end)[0];
    const facts = [
        ["is", KINDS[span.kind]],
        ["ended", span.state + (span.outcome ? `, ${span.outcome}` : "")],
        ["error", span.error_type && (span.error ? `${span.error_type}: ${span.error}` : span.error_type)],
        ["warnings", span.warnings && span.warnings.join(", ")],
        ["takes", duration(span.end - span.start)],
        ["begins", `${duration(span.start)} after the first span`],
        ["thread", threadOf(span)],
        ["inside", span.parent !== undefined && `${spans[span.parent].kind} ${spans[span.parent].name}`],
        ["of step", span.of],
        ["step does", span.step && (span.function ? `${span.step} ${span.function}` : span.step)],
        ["asks", span.model && span.client ? `${span.model}, by ${span.client}` : span.client],
        ["prompt", span.scenario], ["is for", span.purpose],
        ["asked again", span.asked_again && `${span.asked_again} ${span.asked_again === 1 ? "time" : "times"}`],
        ["answered by", span.answered_by], ["answer ended by", span.finish_reason],
        ["calls tools", span.calls], ["id of the call", span.call_id], ["used", span.usage],
        ["attempt", span.number ?? span.attempt], ["attempts", span.attempts],
        ["came after", span.after && span.after.join(", ")],
        ["the last of them", latest !== undefined && span.after.length > 1 && spans[latest].name],
        ["waited for its thread", span.sent !== undefined && duration(span.start - span.sent)],
        ["loop heard of its end after", span.received !== undefined && duration(span.received - span.end)],
        ["event loop of this thread", span.host_loop],
        ["waits", waits.filter(wait => spans[wait.span] === span).map(wait => wait.text).join("\n")],
        ["run", span.run],
    ].filter(([, value]) => value);
    byId("panel-name").textContent = `${SIGNS[span.state]}${span.kind} ${span.name}`;
    byId("details").replaceChildren(
        ...facts.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, String(value))]));
}

function zoom(factor) {
    const scroll = byId("scroll");
    const anchor = state.chosen === null
        ? (scroll.scrollLeft + scroll.clientWidth / 2) * state.perPixel : spans[state.chosen].start;
    const offset = anchor / state.perPixel - scroll.scrollLeft;
    const widest = Math.max(data.end, 1) / Math.max(scroll.clientWidth - 26, 100);
    state.perPixel = factor === 0 ? widest : Math.min(widest, Math.max(widest / 20000, 0.02, state.perPixel / factor));
    byId("canvas").style.width = `${Math.ceil(data.end / state.perPixel) + 24}px`;
    scroll.scrollLeft = anchor / state.perPixel - offset;
    draw();
}

function neighbour(key) {
    const span = spans[state.chosen];
    const middle = (span.start + span.end) / 2;
    const lane = lanes.findIndex(one => one.thread === span.thread);
    const depth = one => lanes.findIndex(other => other.thread === one.thread) * 1000 + one.row;
    const away = one => Math.abs((one.start + one.end) / 2 - middle);
    const others = [...spans.keys()].filter(number => number !== state.chosen);
    if (key === "ArrowLeft" || key === "ArrowRight") {
        const sign = key === "ArrowRight" ? 1 : -1;
        const position = number => sign * (spans[number].start * 1e6 + number);
        const here = position(state.chosen);
        return others.filter(number => spans[number].thread === lanes[lane].thread && position(number) > here)
            .sort((one, other) => position(one) - position(other))[0];
    }
    const sign = key === "ArrowDown" ? 1 : -1;
    const farther = others.filter(number => sign * (depth(spans[number]) - depth(span)) > 0);
    const rows = farther.map(number => sign * depth(spans[number]));
    const next = rows.reduce((least, row) => Math.min(least, row), Infinity);
    return farther.filter(number => sign * depth(spans[number]) === next)
        .sort((one, other) => away(spans[one]) - away(spans[other]))[0];
}

function letGo() {
    state.chosen = null;
    byId("panel-name").textContent = "Nothing is chosen";
    byId("details").replaceChildren();
    draw();
}

function onKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const inTimeline = byId("scroll").contains(document.activeElement);
    let next;
    if (key === "+" || key === "=") zoom(2);
    else if (key === "-" || key === "−") zoom(0.5);
    else if (key === "0") zoom(0);
    else if (key === "Escape") letGo();
    else if (key === "w" && waits.length) next = waits[state.wait = (state.wait + 1) % waits.length].span;
    else if (key === "p" && state.chosen !== null) next = spans[state.chosen].parent;
    else if (inTimeline && key.startsWith("Arrow")) next = state.chosen === null ? 0 : neighbour(key);
    else return;
    event.preventDefault();
    if (spans[next]) choose(next);
}

function fill() {
    byId("title").textContent = data.title;
    byId("about").textContent = data.about;
    for (const [kind, words] of Object.entries(KINDS).filter(([kind]) => spans.some(span => span.kind === kind)))
        document.querySelector(".legend").append(element("li", {}, element("i", { class: kind }), words));
    document.querySelector(".legend").append(
        element("li", {}, element("i", { class: "call still" }), "a loop of the host stands still"),
        element("li", {}, element("i", { class: "wait" }), "waits for a thread"),
        element("li", {}, element("i", { class: "failed" }), "✗ failed"),
        element("li", {}, element("i", { class: "cancelled" }), "⊘ cancelled, ○ skipped, … unfinished"));
    if (spans.some(span => span.warnings))
        document.querySelector(".legend").append(element("li", {}, "! with warnings"));
    for (const wait of waits) {
        const button = element("button", { type: "button" }, wait.text);
        button.addEventListener("click", () => choose(wait.span));
        byId("waits").append(element("li", { class: wait.host ? "host" : "" }, button));
    }
    if (!waits.length) byId("waits").replaceWith(element("p", {}, "Nothing waited for a millisecond or longer."));
    if (data.more_waits) byId("waits").append(element("li", {}, `and ${data.more_waits} shorter ones`));
    byId("all").addEventListener("toggle", fillTable, { once: true });
}

function fillTable() {
    const rows = spans.slice(0, 5000).map((span, number) => {
        const button = element("button", { type: "button" }, span.name || "(no name)");
        button.addEventListener("click", () => choose(number));
        const ended = span.error_type ? `${span.state}: ${span.error_type}` : span.state;
        return element("tr", {}, ...[span.kind, button, threadOf(span), duration(span.start),
            duration(span.end - span.start), ended].map(cell => element("td", {}, cell)));
    });
    byId("rows").append(...rows);
    if (spans.length > rows.length)
        byId("rows").append(element("tr", {}, element("td", { colspan: 6 }, `and ${spans.length - rows.length} more`)));
}

function theme() {
    const dark = document.documentElement.dataset.theme
        ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    document.documentElement.dataset.theme = dark ? "light" : "dark";
}

fill();
byId("in").addEventListener("click", () => zoom(2));
byId("out").addEventListener("click", () => zoom(0.5));
byId("fit").addEventListener("click", () => zoom(0));
byId("theme").addEventListener("click", theme);
byId("canvas").addEventListener("click", event => {
    const bar = event.target.closest(".span");
    if (bar) choose(Number(bar.dataset.number));
});
document.addEventListener("keydown", onKey);
let waiting = 0;
byId("scroll").addEventListener("scroll", () => {
    if (spans.length <= MOST_BARS && state.perPixel > 1e-9 && !waiting && data.end / state.perPixel < 20000) return;
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => { waiting = 0; draw(); });
});
addEventListener("resize", () => zoom(1));
zoom(0);
