// The page that the reader drives: plays recorded runs, and a scheduler whose settings can be changed.
import { OWN_BLOCKS, outcome, play, problem, spread } from "./scheduler.js";

const SPEEDS = [0.25, 0.5, 1, 2, 4, 8];
const STEPS_A_SECOND = 8; // of the scheduler, at speed 1
const SAY_EVERY_MS = 5000; // while it plays; a screen reader is not to talk without end
const SQUARES = 400; // at most: of a larger pool one square is several blocks
const SVG = "http://www.w3.org/2000/svg";
const calm = matchMedia("(prefers-reduced-motion: reduce)");

const number = (value) => value.toLocaleString("en");
const counted = (count, one, more = `${one}s`) => `${count ? number(count) : "no"} ${count === 1 ? one : more}`;
const most = (values) => values.reduce((one, other) => Math.max(one, other), 0);
const mean = (values) => Math.round(values.reduce((one, other) => one + other, 0) / values.length);

/** An element with attributes and what is in it; attributes that are functions are listeners. */
function make(tag, attributes = {}, ...inside) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else made.setAttribute(name, value);
  }
  made.append(...inside);
  return made;
}

function drawn(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/**
 * Play, pause, step, scrub and speed for moments 0 ... count - 1.
 *
 * `show(view)` begins at the first moment of {count, seconds(i), called(i), words(i), draw(i)}.
 */
function transport(called) {
  let view;
  let at = 0;
  let playing = false;
  let clock = 0; // seconds of the view
  let last = 0; // milliseconds, when the clock was advanced
  let spoken = 0;
  let speaking;

  const playButton = make("button", { type: "button", click: () => (playing ? pause() : start()) }, "Play");
  const back = make("button", { type: "button", click: () => step(-1) }, "Step back");
  const forward = make("button", { type: "button", click: () => step(1) }, "Step forward");
  const speed = make("select", {}, ...SPEEDS.map((s) => make("option", { value: s }, `${s}×`)));
  speed.value = "1";
  const slider = make("input", { type: "range", min: 0, step: 1, input: scrub, keydown: toggle });
  const line = make("p", { class: "vlab-said", role: "status", "aria-live": "polite" });
  const root = make(
    "div",
    { class: "vlab-transport", role: "group", "aria-label": called },
    make("div", { class: "vlab-buttons" }, playButton, back, forward, make("label", {}, "Speed ", speed)),
    make("label", { class: "vlab-moment" }, make("span", {}, "Moment"), slider),
  );

  function show(next) {
    pause();
    view = next;
    slider.max = view.count - 1;
    go(0);
    clearTimeout(speaking);
    line.textContent = view.words(0);
  }
  function go(moment) {
    at = Math.min(Math.max(moment, 0), view.count - 1);
    slider.value = at;
    slider.setAttribute("aria-valuetext", view.called(at));
    back.setAttribute("aria-disabled", at === 0);
    forward.setAttribute("aria-disabled", at === view.count - 1);
    view.draw(at);
  }
  /** Says where it is, once nothing has moved for so many milliseconds. */
  function say(after) {
    clearTimeout(speaking);
    speaking = setTimeout(() => {
      line.textContent = view.words(at);
      spoken = performance.now();
    }, after);
  }
  function start() {
    playing = true;
    playButton.textContent = "Pause";
    if (at === view.count - 1) go(0);
    clock = view.seconds(at);
    last = spoken = performance.now();
    requestAnimationFrame(advance);
  }
  function pause() {
    if (!playing) return;
    playing = false;
    playButton.textContent = "Play";
    say(0);
  }
  function advance(now) {
    if (!playing) return;
    const passed = now - last;
    // Whoever asked for less motion sees one picture a second, as the clock goes on.
    if (!calm.matches || passed >= 1000) {
      last = now;
      clock += (Math.min(passed, calm.matches ? 1500 : 250) / 1000) * Number(speed.value);
      let next = at;
      while (next < view.count - 1 && view.seconds(next + 1) <= clock) next += 1;
      if (next !== at) go(next);
      if (at === view.count - 1) return pause();
      if (now - spoken > SAY_EVERY_MS) say(0);
    }
    requestAnimationFrame(advance);
  }
  function step(by) {
    pause();
    go(at + by);
    say(300);
  }
  function scrub() {
    pause();
    go(Number(slider.value));
    say(500);
  }
  function toggle(event) {
    if (event.key !== " ") return;
    event.preventDefault();
    playButton.click();
  }
  return { root, line, show };
}

/** Lines over the moments, with a cursor. `lines`: [{name, values}], the second one is dashed. */
function chart(title, positions, lines, top) {
  const last = positions[positions.length - 1] || 1;
  const high = top || most(lines.flatMap((line) => line.values)) || 1;
  const svg = drawn("svg", { viewBox: "0 0 1000 100", preserveAspectRatio: "none", role: "img", "aria-label": title });
  lines.forEach(({ values }, i) => {
    const points = values.map((value, n) => `${((positions[n] / last) * 1000).toFixed(1)} ${(98 - (value / high) * 96).toFixed(1)}`);
    const path = points.map((point, n) => (n ? `H${point.replace(" ", "V")}` : `M${point}`)).join("");
    svg.append(drawn("path", { d: path, class: `vlab-line-${i}` }));
  });
  const cursor = drawn("line", { y1: 0, y2: 100, class: "vlab-cursor" });
  svg.append(cursor);
  return {
    root: make("div", { class: "vlab-lane" }, make("p", {}, title), svg),
    move: (i) => ["x1", "x2"].forEach((x) => cursor.setAttribute(x, (positions[i] / last) * 1000)),
  };
}

/** A bar for each value. */
function bars(title, values) {
  const high = most(values) || 1;
  const wide = 1000 / values.length;
  const svg = drawn("svg", { viewBox: "0 0 1000 100", preserveAspectRatio: "none", role: "img", "aria-label": title });
  values.forEach((value, i) => {
    const tall = Math.max((value / high) * 98, 1);
    svg.append(drawn("rect", { x: i * wide + wide * 0.15, y: 100 - tall, width: wide * 0.7, height: tall, class: "vlab-bar" }));
  });
  return make("div", { class: "vlab-lane" }, make("p", {}, title), svg);
}

/** A table with a heading for each row: rows are [name, ...cells]. */
function table(caption, columns, rows, attributes = { class: "vlab-table" }) {
  const head = columns.length ? [make("thead", {}, make("tr", {}, ...columns.map((c) => make("th", { scope: "col" }, c))))] : [];
  const body = rows.map(([name, ...cells]) =>
    make("tr", {}, make("th", { scope: "row" }, name), ...cells.map((cell) => make("td", {}, cell))),
  );
  return make("table", attributes, make("caption", {}, caption), ...head, make("tbody", {}, ...body));
}

/** The numbers of a moment, a bar beside each that has a highest value. `names`: {key: [name, highest]}. */
function gauges(names) {
  const cells = {};
  const rows = Object.entries(names).map(([key, [name, highest]]) => {
    const value = document.createTextNode("");
    const bar = make("span", { class: "vlab-gauge", "aria-hidden": "true" });
    cells[key] = (now) => {
      value.data = number(now);
      bar.style.width = `${highest ? (now / highest) * 100 : 0}%`;
    };
    return [name, value, bar];
  });
  const root = table("At this moment", [], rows, { class: "vlab-gauges" });
  return { root, show: (values) => Object.entries(values).forEach(([key, value]) => cells[key](value)) };
}

/** A square for each block; `paint(i)` says whose it is: undefined is nobody's, "" somebody's. */
function squares(count) {
  const cells = Array.from({ length: count }, () => make("span"));
  const root = make("div", { class: "vlab-blocks", role: "img" }, ...cells);
  const owners = [];
  return {
    root,
    show(label, paint) {
      root.setAttribute("aria-label", label);
      cells.forEach((cell, i) => {
        const owner = paint(i);
        if (owners[i] === owner) return;
        owners[i] = owner;
        cell.className = owner === undefined ? "" : `vlab-taken vlab-tint-${owner === "" ? 0 : owner % 6}`;
        cell.textContent = owner ?? "";
      });
    },
  };
}

function player(root, runs) {
  const choose = make("select", { change: pick }, ...Object.entries(runs).map(([name, run]) => make("option", { value: name }, run.title)));
  const controls = transport("Playback of the recorded run");
  const stage = make("div");

  function pick() {
    const { title, recorded, blocks, samples } = runs[choose.value];
    const gives = blocks - OWN_BLOCKS;
    const each = Math.ceil(gives / SQUARES);
    const grid = squares(Math.ceil(gives / each));
    const top = most([...samples.running, ...samples.waiting]);
    const now = gauges({
      used: [`Blocks in use, of ${number(gives)}`, gives],
      running: ["Running", top],
      waiting: ["Waiting", top],
      preemptions: ["Preemptions so far", most(samples.preemptions)],
      written: ["Tokens written so far", most(samples.written)],
    });
    const charts = [
      chart(`Blocks in use, of ${number(gives)}`, samples.t, [{ values: samples.used }], gives),
      chart(`Running (solid) and waiting (dashed), up to ${top}`, samples.t, [{ values: samples.running }, { values: samples.waiting }]),
      chart(`Preemptions so far, up to ${most(samples.preemptions)}`, samples.t, [{ values: samples.preemptions }]),
    ];
    const end = samples.t[samples.t.length - 1];
    const legend = each === 1 ? "A square is a block; filled ones are in use." : `A square is ${each} blocks; filled ones are in use.`;
    stage.replaceChildren(
      make("p", { class: "vlab-legend" }, `${legend} Which request has which block was not recorded: they fill from the start.`),
      grid.root,
      now.root,
      ...charts.map((c) => c.root),
      make("p", { class: "vlab-legend" }, `From 0 to ${end.toFixed(1)} seconds. ${recorded}`),
    );
    controls.show({
      count: samples.t.length,
      seconds: (i) => samples.t[i],
      called: (i) => `${samples.t[i].toFixed(2)} seconds`,
      words: (i) =>
        `${title}, at ${samples.t[i].toFixed(2)} s: ${number(samples.used[i])} of ${number(gives)} blocks in use, ` +
        `${samples.running[i]} running, ${samples.waiting[i]} waiting, ${counted(samples.preemptions[i], "preemption")} so far.`,
      draw(i) {
        grid.show(`${samples.used[i]} of ${gives} blocks in use`, (n) => (n * each < samples.used[i] ? "" : undefined));
        now.show(Object.fromEntries(["used", "running", "waiting", "preemptions", "written"].map((key) => [key, samples[key][i]])));
        charts.forEach((c) => c.move(i));
      },
    });
  }
  pick();
  // Last, so that what it says from the start is not read out as news.
  root.append(make("p", {}, make("label", {}, "Recording ", choose)), controls.root, controls.line, stage);
}

const FIELDS = [
  ["blocks", "Pool, in blocks", 2, 600],
  ["blockSize", "Tokens in a block", 1, 256],
  ["maxSeqs", "Requests at once (--max-num-seqs)", 1, 256],
  ["budget", "Tokens in a step (--max-num-batched-tokens)", 1, 16384],
  ["users", "Users, all at once", 1, 64],
  ["prompt", "Tokens of a prompt, about", 1, 1000],
  ["output", "Tokens of an answer, about", 1, 300],
];
const TRIES = {
  "As it was recorded": () => ({}),
  "Four places": () => ({ maxSeqs: 4 }),
  "Twice the places": (s) => ({ maxSeqs: s.maxSeqs * 2 }),
  "Three times the pool": (s) => ({ blocks: s.blocks * 3 }),
  "Half the users": (s) => ({ users: Math.ceil(s.users / 2) }),
  "Answers twice as long": (s) => ({ output: s.output * 2 }),
  "A pool that is too small": (s) => ({ blocks: Math.ceil((s.prompt + s.output) / s.blockSize / 2) + OWN_BLOCKS }),
};
const RESULTS = {
  steps: "Steps until all had their answers",
  preemptions: "Preemptions",
  running: "Most running at once",
  waiting: "Most waiting at once",
  waited: "Waiting, requests times steps",
  median: "Steps to the first token, median",
  p95: "Steps to the first token, p95",
  used: "Most blocks in use",
  again: "Tokens computed more than once",
};

const nameOf = (id) => id + 1; // people count requests from 1

/** What the scheduler is given: lengths between 80% and 120% of those that are set, always the same ones. */
function settingsOf(values) {
  const lengths = (about, turn) => spread(values.users, Math.ceil(about * 0.8), Math.floor(about * 1.2), turn);
  const prompts = lengths(values.prompt, 0);
  const outputs = lengths(values.output, 7);
  return { ...values, requests: prompts.map((prompt, i) => ({ prompt, output: outputs[i] })) };
}

function workshop(root, recorded) {
  const START = {
    blocks: recorded.blocks,
    blockSize: recorded.blockSize,
    maxSeqs: recorded.maxSeqs,
    budget: recorded.budget,
    users: recorded.requests.length,
    prompt: mean(recorded.requests.map((r) => r.prompt)),
    output: mean(recorded.requests.map((r) => r.output)),
  };
  const inputs = Object.fromEntries(
    FIELDS.map(([name, , min, max]) => [name, make("input", { type: "number", inputmode: "numeric", required: "", min, max, step: 1 })]),
  );
  const fill = (values) => Object.entries(values).forEach(([name, value]) => (inputs[name].value = value));
  const tries = Object.entries(TRIES).map(([name, change]) => {
    const values = { ...START, ...change(START) };
    return make("button", { type: "button", click: () => (fill(values), run()) }, name);
  });
  const said = make("p", { class: "vlab-said", role: "status", "aria-live": "polite" });
  const form = make(
    "form",
    { class: "vlab-settings", novalidate: "", change: run, submit: (event) => (event.preventDefault(), run()) },
    make("div", { class: "vlab-fields" }, ...FIELDS.map(([name, label]) => make("label", {}, make("span", {}, label), inputs[name]))),
    make("div", { class: "vlab-buttons", role: "group", "aria-label": "Settings to try" }, ...tries),
  );
  const results = make("div");
  const controls = transport("Playback of the scheduler");
  const stage = make("div");
  let before;
  let played = "";
  let came = "";

  function run() {
    const values = Object.fromEntries(FIELDS.map(([name]) => [name, Number(inputs[name].value)]));
    if (JSON.stringify(values) === played) {
      said.textContent = came; // Enter in a field changes and submits; or it was changed back
      return;
    }
    const wrong = FIELDS.find(([name]) => !inputs[name].checkValidity());
    FIELDS.forEach(([name]) => inputs[name].setAttribute("aria-invalid", !inputs[name].checkValidity()));
    const settings = wrong ? undefined : settingsOf(values);
    const why = wrong ? `${wrong[1]}: a whole number from ${wrong[2]} to ${number(wrong[3])}.` : problem(settings);
    if (why) {
      said.textContent = `Not played. ${why} What is below is of the settings before.`;
      return;
    }
    played = JSON.stringify(values);
    const game = play(settings);
    const now = outcome(game, settings);
    came =
      `With these settings: ${counted(now.preemptions, "preemption")}, at most ${now.running} running and ${now.waiting} waiting, ` +
      `first token after ${counted(now.median, "step")} for half and ${counted(now.p95, "step")} for 95%, all done after ${counted(now.steps, "step")}.`;
    said.textContent = came;
    const old = before;
    results.replaceChildren(
      table(
        "What came of it",
        ["Figure", "Now", ...(old ? ["Before the last change"] : [])],
        Object.entries(RESULTS).map(([key, name]) => [name, number(now[key]), ...(old ? [number(old[key])] : [])]),
      ),
    );
    before = now;
    show(settings, game);
  }

  function show(settings, { frames, requests }) {
    const gives = settings.blocks - OWN_BLOCKS;
    const grid = squares(gives);
    const steps = frames.map((_, i) => i);
    const column = (of) => frames.map(of);
    const running = column((f) => f.running.length);
    const waiting = column((f) => f.waiting.length);
    const top = most([...running, ...waiting]);
    const preemptions = column((f) => f.preemptions);
    const now = gauges({
      used: [`Blocks in use, of ${number(gives)}`, gives],
      running: ["Running", top],
      waiting: ["Waiting", top],
      preemptions: ["Preemptions so far", most(preemptions)],
      tokens: [`Tokens in this step, of ${number(settings.budget)}`, settings.budget],
    });
    const charts = [
      chart(`Blocks in use, of ${number(gives)}`, steps, [{ values: column((f) => f.used) }], gives),
      chart(`Running (solid) and waiting (dashed), up to ${top}`, steps, [{ values: running }, { values: waiting }]),
      chart(`Preemptions so far, up to ${most(preemptions)}`, steps, [{ values: preemptions }]),
    ];
    const first = requests.map((r) => r.firstStep);
    const queue = make("p", { class: "vlab-legend" });
    const everybody = make("div", { class: "vlab-scroll", tabindex: 0, role: "region", "aria-label": "Every request at this step" });
    const details = make("details", { toggle: () => list(at) }, make("summary", {}, "Every request at this step"), everybody);
    let at = 0;

    function list(i) {
      if (!details.open) return;
      const rows = settings.requests.map((asked, id) => {
        const run = frames[i].running.find((r) => r.id === id);
        const out = frames.slice(0, i + 1).reduce((sum, f) => sum + f.preempted.includes(id), 0);
        const written = run ? `${run.written} of ${asked.output}` : requests[id].endStep <= i ? `${asked.output} of ${asked.output}` : "";
        return [`${nameOf(id)}`, state(i, id, run, out), number(asked.prompt), written, run ? `${run.blocks.length}` : "0", `${out}`];
      });
      everybody.replaceChildren(
        table(`Requests at step ${i + 1}`, ["Request", "State", "Tokens of its prompt", "Of its answer", "Blocks", "Preempted so far"], rows),
      );
    }
    function state(i, id, run, out) {
      if (run) return run.recomputing ? "runs: computes again what it had" : run.written ? "runs: writes" : "runs: its prompt is read";
      if (requests[id].endStep <= i) return "has its answer";
      return out ? "waits, was preempted" : "waits";
    }

    stage.replaceChildren(
      make("p", { class: "vlab-legend" }, "A square is a block; the number in it is that of the request that has it."),
      grid.root,
      queue,
      now.root,
      ...charts.map((c) => c.root),
      make("p", { class: "vlab-legend" }, `From step 1 to step ${number(frames.length)}.`),
      bars(`Steps to the first token, request by request: from ${Math.min(...first)} to ${number(most(first))}`, first),
      details,
    );
    controls.show({
      count: frames.length,
      seconds: (i) => i / STEPS_A_SECOND,
      called: (i) => `step ${i + 1}`,
      words(i) {
        const f = frames[i];
        const out = f.preempted.length ? ` Preempted in this step: ${f.preempted.map(nameOf).join(", ")}.` : "";
        return (
          `Step ${i + 1} of ${frames.length}: ${f.used} of ${gives} blocks in use, ${f.running.length} running, ` +
          `${f.waiting.length} waiting, ${counted(f.preemptions, "preemption")} so far.${out}`
        );
      },
      draw(i) {
        at = i;
        const f = frames[i];
        const owner = new Map(f.running.flatMap((r) => r.blocks.map((block) => [block, nameOf(r.id)])));
        grid.show(`${f.used} of ${gives} blocks in use`, (n) => owner.get(n));
        now.show({ used: f.used, running: f.running.length, waiting: f.waiting.length, preemptions: f.preemptions, tokens: f.tokens });
        const rest = f.waiting.length - 12;
        const next = f.waiting.slice(0, 12).map(nameOf).join(", ");
        queue.textContent = f.waiting.length ? `Queue, next one first: ${next}${rest > 0 ? ` and ${rest} more` : ""}` : "Queue: nobody";
        charts.forEach((c) => c.move(i));
        list(i);
      },
    });
  }
  fill(START);
  run();
  root.append(form, said, results, controls.root, controls.line, stage);
}

/** Requests that waited while a token was written, on average: a clock that steps and seconds have in common. */
function meanWaiting(waiting, written) {
  const total = written[written.length - 1];
  const sum = waiting.reduce((all, count, i) => all + count * ((written[i + 1] ?? total) - written[i]), 0);
  return (sum / total).toFixed(1);
}

function compare(root, runs) {
  const rows = Object.values(runs).map((run) => {
    const game = play(run);
    const now = outcome(game, run);
    const tokens = run.requests.reduce((sum, r) => sum + r.output, 0);
    const played = meanWaiting([...game.frames.map((f) => f.waiting.length), 0], [...game.frames.map((f) => f.written), tokens]);
    const pair = (was, is) => `${was} / ${is}`;
    return [
      run.title,
      pair(most(run.samples.preemptions), now.preemptions),
      pair(most(run.samples.running), now.running),
      pair(meanWaiting(run.samples.waiting, run.samples.written), played),
    ];
  });
  const columns = ["Load", "Preemptions", "Most running at once", "Waiting, on average"];
  root.append(table("The engine, as it was recorded / the scheduler of this page, given the same requests", columns, rows));
}

const data = document.getElementById("vlab-runs");
if (data) {
  const runs = JSON.parse(data.textContent);
  player(document.getElementById("vlab-player"), runs);
  workshop(document.getElementById("vlab-scheduler"), runs.small);
  compare(document.getElementById("vlab-compared"), runs);
}
