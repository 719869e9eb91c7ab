// The quiz's page: checks answers, says what came of them in words, and keeps them in this browser alone.
"use strict";
(() => {
  const forms = [...document.querySelectorAll("form.vlab-quiz")];
  if (!forms.length) return;

  const KEY = "vlab-quiz";
  const WORDS = 12; // so many make an answer in writing, as in `vlab quiz`
  let kept = {};
  try {
    const found = JSON.parse(localStorage.getItem(KEY));
    if (found && typeof found === "object" && !Array.isArray(found)) kept = found;
  } catch {
    // Nothing was kept, or nothing may be: then it works for as long as the page is open.
  }
  const keep = () => {
    try {
      localStorage.setItem(KEY, JSON.stringify(kept));
    } catch {}
  };

  const isChoice = (form) => form.dataset.kind === "choice";
  const text = (element) => element.textContent.trim().replace(/\s+/g, " ");
  const inputs = (form) => [...form.querySelectorAll("input")];
  const rights = (form) => [...form.querySelectorAll("li[data-right]")].map((li) => li.dataset.letter);
  const labelOf = (form, letter) => text(form.querySelector(`label[for="${form.id}-${letter}"]`));
  const same = (one, other) => one.length === other.length && one.every((x) => other.includes(x));
  // What is kept is the text of the options: their letters may change with the page.
  const wasRight = (form) => {
    const chosen = kept[form.id];
    return Array.isArray(chosen) && same(chosen, rights(form).map((letter) => labelOf(form, letter)));
  };
  const isAnswered = (form) => {
    const answer = kept[form.id];
    if (!isChoice(form)) return typeof answer === "string" && isEnough(answer);
    const known = inputs(form).map((input) => labelOf(form, input.value));
    return Array.isArray(answer) && answer.length > 0 && answer.every((x) => known.includes(x));
  };
  const isEnough = (words) => words.split(/\s+/).filter(Boolean).length >= WORDS;

  const sum = document.createElement("p");
  const showSum = () => {
    const choices = forms.filter(isChoice);
    const right = choices.filter(wasRight).length;
    const written = forms.filter((form) => !isChoice(form) && isAnswered(form)).length;
    sum.textContent = `So far: ${right} of ${choices.length} right, ${written} of ${forms.length - choices.length} written.`;
  };

  const say = (form, words) => {
    form.querySelector(".vlab-verdict").textContent = words;
  };
  const tell = (form, loading) => {
    const details = form.querySelector("details");
    if (isChoice(form)) {
      const right = rights(form).map((letter) => `“${labelOf(form, letter)}”`);
      const verdict = wasRight(form) ? "Right." : `Not right. Right: ${right.join(" and ")}`;
      say(form, loading ? verdict : `${verdict} The explanations are below.`);
    } else {
      details.hidden = false;
      if (!loading) say(form, "The model answer is below.");
    }
    if (!loading) details.open = true;
    showSum();
  };

  const check = (form) => {
    if (isChoice(form)) {
      const chosen = inputs(form).filter((input) => input.checked);
      if (!chosen.length) return say(form, "Nothing is chosen yet.");
      kept[form.id] = chosen.map((input) => labelOf(form, input.value));
    } else {
      const words = form.querySelector("textarea").value;
      if (!isEnough(words)) return say(form, `Write ${WORDS} words or more; then a model answer is shown.`);
      kept[form.id] = words;
    }
    keep();
    tell(form, false);
  };

  const restore = (form) => {
    const details = form.querySelector("details");
    details.open = false;
    details.hidden = !isChoice(form);
    say(form, "");
    form.reset();
    if (!isAnswered(form)) return;
    if (isChoice(form)) {
      for (const input of inputs(form)) input.checked = kept[form.id].includes(labelOf(form, input.value));
    } else {
      form.querySelector("textarea").value = kept[form.id];
    }
    tell(form, true);
  };

  for (const form of forms) {
    const status = form.querySelector(".vlab-verdict");
    status.setAttribute("aria-live", "off"); // what was answered long ago is not read out
    restore(form);
    setTimeout(() => status.setAttribute("aria-live", "polite"), 1000);
    form.querySelector("button").hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      check(form);
    });
  }

  const forget = document.createElement("button");
  forget.type = "button";
  forget.className = "vlab-forget";
  forget.textContent = "Forget my answers";
  forget.addEventListener("click", () => {
    kept = {};
    keep();
    forms.forEach(restore);
    showSum();
  });
  sum.setAttribute("role", "status");
  forms[0].parentNode.insertBefore(sum, forms[0].parentNode.querySelector("h2"));
  sum.after(forget);
  showSum();
})();
