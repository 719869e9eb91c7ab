// The board: hears what a class is at, and shows a tile for each learner. It asks its own server and nobody else.

const SUMMARY_EVERY_MS = 30000; // a screen reader is not to talk without end
const SILENT_MS = 45000; // three beats
const AGAIN_MS = 5000;
const SIZES = [2.5, 2.25, 2, 1.75, 1.5, 1.25, 1.1, 1, 0.95, 0.9];
const WIDE = "(min-width: 60em)";

const SHOW = {
  all: ["everybody", () => true],
  stuck: ["stuck only", (row) => row.state === "stuck"],
  silent: ["stuck and silent: no hint, no grading", (row) => row.state === "stuck" && !row.asked],
  working: ["not solved", (row) => row.state !== "solved"],
  idle: ["not started", (row) => row.state === "not started"],
};
const SORT = {
  roster: ["learner", (one, other) => one.number - other.number],
  stuck: ["longest stuck", (one, other) => (other.stuck ?? -1) - (one.stuck ?? -1) || SORT.roster[1](one, other)],
  passed: ["least passed", (one, other) => share(one) - share(other) || SORT.roster[1](one, other)],
  exercise: ["exercise", (one, other) => exercise(one).localeCompare(exercise(other)) || SORT.roster[1](one, other)],
};
const IN_AN_EXAM = { show: ["all", "idle"], sort: ["roster", "exercise"] };

const at = (id) => document.getElementById(id);
const share = (row) => (row.state === "solved" ? 2 : row.of ? row.passed / row.of : -1);
const exercise = (row) => row.exercise ?? "";
const wanted = new URLSearchParams(location.search);
const tiles = new Map(); // by id: the list's element
let board = null;
let opened = null; // the id whose details are shown
let summarized = 0;
let source;
let heard = Date.now();

/** An element with attributes and what is in it. */
function make(tag, attributes = {}, ...inside) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...inside);
  return made;
}

/** Set a text, if it is another one. */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** What a JSON Merge Patch (RFC 7396) makes of a value. */
function merged(old, patch) {
  if (patch === null || typeof patch !== "object" || Array.isArray(patch)) return patch;
  const made = old !== null && typeof old === "object" && !Array.isArray(old) ? { ...old } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete made[key];
    else made[key] = merged(made[key], value);
  }
  return made;
}

/** Short: it has to fit into a tile. */
const time = (minutes) => (minutes < 100 ? `${minutes} min` : `${Math.floor(minutes / 60)} h`);
const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString("en", { timeStyle: "short", hourCycle: "h23" });
const titled = (row) => board.exercises[row.exercise]?.title ?? row.exercise;

/** How far, and what is with it. */
function words(row) {
  if (row.state === "not started") return ["", "not started"];
  if (board.exam) return ["", `at work, ${clock(row.active)}`];
  const far = row.of ? `${row.passed} of ${row.of}` : "";
  if (row.state === "stuck") return [far, `stuck ${time(row.stuck)}`];
  return [far, row.state];
}

function more(row) {
  if (row.state === "stuck" && !row.asked) return "silent";
  return row.moving && row.state !== "solved" ? "moving" : "";
}

function drawTile(id, row) {
  let item = tiles.get(id);
  if (!item) {
    const span = (name, ...inside) => make("span", { class: name }, ...inside);
    const lines = [span("who"), span("line", span("exercise"), span("more")), span("line", span("state"), span("far"))];
    const button = make("button", { type: "button", tabindex: -1 }, ...lines, make("span", { class: "bar", "aria-hidden": "true" }));
    button.addEventListener("click", () => open(id));
    item = make("li", { "data-id": id }, button);
    tiles.set(id, item);
  }
  const button = item.firstChild;
  const part = (name) => button.querySelector(`.${name}`);
  const [far, state] = words(row);
  button.dataset.state = row.state;
  say(part("who"), row.label);
  say(part("exercise"), exercise(row));
  say(part("far"), far);
  say(part("state"), state);
  say(part("more"), more(row));
  const verdicts = board.exam ? [] : Object.entries(row.checks ?? {});
  const bar = part("bar");
  while (bar.childElementCount > verdicts.length) bar.lastChild.remove();
  while (bar.childElementCount < verdicts.length) bar.append(make("i"));
  const earlier = new Set(row.earlier);
  verdicts.forEach(([check, verdict], place) => {
    bar.children[place].className = verdict === "pass" ? "pass" : earlier.has(check) ? "earlier" : verdict;
  });
  return item;
}

function chosen() {
  const show = SHOW[at("controls").elements.show.value][1];
  const sort = SORT[at("controls").elements.sort.value][1];
  return Object.entries(board.rows)
    .filter(([, row]) => show(row))
    .sort(([, one], [, other]) => sort(one, other));
}

function draw() {
  const rows = chosen();
  const list = at("tiles");
  const focused = list.contains(document.activeElement) ? document.activeElement.parentElement.dataset.id : null;
  const items = rows.map(([id, row]) => drawTile(id, row));
  const same = items.length === list.children.length && items.every((item, place) => item === list.children[place]);
  if (!same) list.replaceChildren(...items);
  rove(focused);
  say(at("none"), rows.length ? "" : "Nobody is shown: nobody is so at present.");
  drawHead();
  if (opened !== null) drawDetails();
  if (!same) fit();
}

/** Of all tiles one is in the order of Tab. */
function rove(focused) {
  const buttons = [...at("tiles").querySelectorAll("button")];
  const now = buttons.find((each) => each.parentElement.dataset.id === focused);
  const first = now ?? buttons.find((each) => each.tabIndex === 0) ?? buttons[0];
  for (const each of buttons) each.tabIndex = each === first ? 0 : -1;
  if (now && document.activeElement !== now && !at("details").open) now.focus();
}

function tally() {
  const rows = Object.values(board.rows);
  const count = (state) => rows.filter((row) => row.state === state).length;
  const learners = rows.length === 1 ? "1 learner" : `${rows.length} learners`;
  if (board.exam) return `Exam: ${learners}, ${count("at work")} at work, ${count("not started")} not started`;
  const silent = rows.filter(SHOW.silent[1]).length;
  const stuck = `${count("stuck")} stuck${silent ? ` (${silent} silent)` : ""}`;
  return `${learners}: ${count("solved")} solved, ${count("at work")} at work, ${stuck}, ${count("not started")} not started`;
}

function drawHead() {
  const title = `Class ${board.class}`;
  say(at("title"), title);
  if (document.title !== title) document.title = title;
  say(at("tally"), tally());
  if (Date.now() - summarized > SUMMARY_EVERY_MS) {
    summarized = Date.now();
    say(at("summary"), tally());
  }
  const room = Object.entries(board.room ?? {});
  at("room").replaceChildren(
    ...room.map(([what, { words: said, free, there, count }]) =>
      make("li", { "data-what": what, ...(free === 0 || count ? { class: "short" } : {}) },
        ...(there === undefined ? [] : [gauge(there ? free / there : 0)]), said)),
  );
  const troubles = Object.entries(board.troubles).map(([from, said]) => `${from}: ${said}`);
  lineSays(troubles.length ? troubles.join("; ") : "", "trouble");
}

function gauge(part) {
  const made = make("span", { class: "gauge", "aria-hidden": "true" }, make("i"));
  made.firstChild.style.width = `${Math.round(100 * part)}%`;
  return made;
}

const said = { lost: "", trouble: "" };

function lineSays(text, about) {
  said[about] = text;
  say(at("line"), Object.values(said).filter(Boolean).join(" "));
}

function open(id) {
  opened = id;
  drawDetails();
  at("details").showModal();
}

function drawDetails() {
  const row = board.rows[opened];
  if (!row) return at("details").close();
  say(at("who"), row.label);
  const facts = row.slug ? [row.slug] : [];
  if (row.exercise) facts.push(`${titled(row)} (${row.exercise})`);
  const [far, state] = words(row);
  const passed = row.of ? `${far} checks have passed` : row.exercise && !board.exam ? "not looked at yet" : "";
  const silent = more(row) === "silent" ? "asked for no hint and no grading" : "";
  facts.push([passed, state, silent].filter(Boolean).join("; "));
  if (row.moving) facts.push(`Still moving: ${row.moving}`);
  if (row.told) facts.push(`Verdicts of ${clock(row.told)}${row.percent === undefined ? "" : `; ${row.percent}% at best`}`);
  const known = board.exercises[row.exercise]?.checks ?? {};
  const checks = Object.entries(board.exam ? {} : (row.checks ?? {})).map(([id, verdict]) => {
    const { mark, word } = board.verdicts[verdict];
    const before = (row.earlier ?? []).includes(id) ? ", passed before" : "";
    const points = known[id]?.points ? ` (${known[id].points === 1 ? "1 point" : `${known[id].points} points`})` : "";
    const said = make("strong", {}, `${mark} ${word}${before}`);
    return make("li", { class: verdict }, said, ` ${known[id]?.title ?? id}${points}`);
  });
  const made = make("div", {}, ...facts.map((each) => make("p", {}, each)), ...(checks.length ? [make("ul", {}, ...checks)] : []));
  if (at("what").firstElementChild?.innerHTML !== made.innerHTML) at("what").replaceChildren(made);
}

/** The largest size at which everybody fits on the screen, if none is chosen and the screen is wide. */
function fit() {
  const root = document.documentElement;
  const zoom = Number(at("controls").elements.zoom.value);
  const set = (size) => root.style.setProperty("--zoom", size);
  if (zoom) return set(zoom);
  if (!matchMedia(WIDE).matches) return set(1);
  let [first, last] = [0, SIZES.length - 1]; // the last is taken even where not all fits: then it is scrolled
  while (first < last) {
    const middle = (first + last) >> 1;
    set(SIZES[middle]);
    if (root.scrollHeight <= root.clientHeight) last = middle;
    else first = middle + 1;
  }
  return set(SIZES[first]);
}

function options(name, found, first) {
  const select = at("controls").elements[name];
  const before = select.value || wanted.get(name) || first;
  select.replaceChildren(...found.map(([value, text]) => make("option", { value }, text)));
  select.value = found.some(([value]) => value === before) ? before : first;
}

function offer() {
  const named = (all, allowed) => Object.entries(all).filter(([key]) => !board.exam || allowed.includes(key));
  const texts = (found) => found.map(([key, [text]]) => [key, text]);
  options("show", texts(named(SHOW, IN_AN_EXAM.show)), "all");
  options("sort", texts(named(SORT, IN_AN_EXAM.sort)), "roster");
  const asked = Number(wanted.get("zoom"));
  const sizes = [...new Set([...SIZES, ...(asked >= 0.5 && asked <= 5 ? [asked] : [])])].sort((one, other) => one - other);
  options("zoom", [["", "fits"], ...sizes.map((size) => [String(size), `${Math.round(size * 100)}%`])], "");
}

function listen() {
  source = new EventSource("events");
  const hear = (name, handle) =>
    source.addEventListener(name, (event) => {
      heard = Date.now();
      if (said.lost) lineSays("", "lost");
      handle?.(event.data ? JSON.parse(event.data) : null);
    });
  hear("open");
  hear("beat");
  hear("state", (state) => {
    board = state;
    offer();
    draw();
  });
  hear("change", (patch) => {
    board = merged(board, patch);
    draw();
  });
  source.addEventListener("error", lost);
}

function lost() {
  const since = board ? " What is shown may be old." : "";
  if (source.readyState !== EventSource.CLOSED) return lineSays(`Connection lost; trying again.${since}`, "lost");
  lineSays(`Connection lost; trying again. If the board was started anew, open the address that it printed.${since}`, "lost");
  setTimeout(listen, AGAIN_MS);
  return undefined;
}

function arrows(event) {
  const buttons = [...at("tiles").querySelectorAll("button")];
  const now = buttons.indexOf(document.activeElement);
  if (now < 0) return;
  const columns = Math.max(1, buttons.filter((each) => each.offsetTop === buttons[0].offsetTop).length);
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, Home: -now, End: buttons.length - 1 - now };
  const next = buttons[now + (steps[event.key] ?? NaN)];
  if (!next) return;
  event.preventDefault();
  buttons[now].tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

function controlled(event) {
  const { name, value } = event.target;
  if (value && value !== "all" && value !== "roster") wanted.set(name, value);
  else wanted.delete(name);
  history.replaceState(null, "", wanted.size ? `?${wanted}` : location.pathname);
  draw();
  fit();
}

at("tiles").addEventListener("keydown", arrows);
at("controls").addEventListener("change", controlled);
at("controls").addEventListener("submit", (event) => event.preventDefault());
at("details").addEventListener("close", () => {
  const button = tiles.get(opened)?.firstChild;
  opened = null;
  if (button?.isConnected) button.focus();
});
addEventListener("resize", () => board && fit());
const taller = new ResizeObserver(() => board && fit());
for (const each of ["head", "line"]) taller.observe(at(each)); // room and troubles come and go
setInterval(() => {
  if (board) drawHead(); // the summary is due now and then
  if (source.readyState === EventSource.OPEN && Date.now() - heard > SILENT_MS) {
    heard = Date.now();
    source.close();
    lost();
  }
}, AGAIN_MS);
listen();
