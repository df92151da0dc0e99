"use strict";
(function () {
  const root = document.documentElement;
  const read = (name) => JSON.parse(document.getElementById(name).textContent);
  const figures = read("figures");
  const words = read("words");
  const button = document.getElementById("theme");
  const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
  const isTouched = window.matchMedia("(pointer: coarse)").matches;
  const options = {
    responsive: true, displaylogo: false, displayModeBar: isTouched ? false : "hover",
    modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d", "zoomIn2d", "zoomOut2d"],
    toImageButtonOptions: { format: "svg" },
  };

  // Plots name colours as the style sheet does, so that they change with the page.
  const COLOURS = new Set(["color", "fillcolor", "bgcolor", "colorscale"]);
  function coloured(value, styles, isColour) {
    if (typeof value === "string") {
      return isColour && value.startsWith("--") ? styles.getPropertyValue(value).trim() : value;
    }
    if (Array.isArray(value)) {
      return isColour ? value.map((item) => coloured(item, styles, true)) : value;
    }
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(
      ([key, item]) => [key, coloured(item, styles, COLOURS.has(key))]));
  }

  function traced(trace, styles) {
    const { trials, ...made } = coloured(trace, styles, false);
    if (trials) {
      made.text = trials.map((number) => (number === null ? null : words[number]));
      if (made.hoverinfo !== "skip") made.hovertemplate = "%{text}<extra></extra>";
    }
    return made;
  }

  function laidOut(layout, styles) {
    const colour = (name) => styles.getPropertyValue(name).trim();
    const made = coloured(layout, styles, false);
    for (const key of ["xaxis", "yaxis"]) {
      made[key] = { gridcolor: colour("--grid"), linecolor: colour("--line"),
                    zerolinecolor: colour("--line"), tickcolor: colour("--line"),
                    ...made[key] };
      made[key].title = { ...made[key].title, font: { size: 12.5, color: colour("--soft") } };
    }
    return {
      paper_bgcolor: colour("--panel"), plot_bgcolor: colour("--panel"),
      margin: { l: 52, r: 12, t: 8, b: 44 }, hovermode: "closest",
      dragmode: isTouched ? false : "zoom",
      hoverlabel: { bgcolor: colour("--panel"), bordercolor: colour("--line"), align: "left",
                    font: { color: colour("--ink"), size: 12 } },
      ...made,
      font: { family: getComputedStyle(document.body).fontFamily, size: 12.5, color: colour("--ink") },
      legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", ...made.legend },
    };
  }

  function draw(name) {
    const styles = getComputedStyle(root);
    const { data, layout } = figures[name];
    const traces = data.map((trace) => traced(trace, styles));
    return Plotly.react(name, traces, laidOut(layout, styles), options);
  }

  function show(theme) {
    root.dataset.theme = theme;
    button.textContent = theme === "dark" ? "Light" : "Dark";
    Object.keys(figures).forEach(draw);
  }

  function sort(heading) {
    const column = heading.cellIndex;
    const body = heading.closest("table").tBodies[0];
    const down = heading.getAttribute("aria-sort") === "ascending";
    for (const other of heading.parentNode.cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = (row) => {
      const cell = row.cells[column];
      const given = cell.dataset.key;
      return given === undefined ? cell.textContent : given === "" ? null : Number(given);
    };
    const keyed = [...body.rows].map((row) => [key(row), row]);
    keyed.sort(([left], [right]) => {
      if (left === null || right === null) return (left === null) - (right === null);
      const order = typeof left === "number" ? left - right : left.localeCompare(right);
      return down ? -order : order;
    });
    body.append(...keyed.map(([, row]) => row));
  }

  function copy(pressed) {
    const given = pressed.dataset.copy;
    const done = () => {
      const before = pressed.textContent;
      pressed.textContent = "Copied";
      setTimeout(() => { pressed.textContent = before; }, 1500);
    };
    const byHand = () => {
      const area = document.createElement("textarea");
      area.value = given;
      document.body.append(area);
      area.select();
      if (document.execCommand("copy")) done();
      area.remove();
    };
    if (navigator.clipboard) navigator.clipboard.writeText(given).then(done, byHand);
    else byHand();
  }

  let before = null;
  function startPrint() {
    if (before !== null) return;
    before = { theme: root.dataset.theme, closed: [...document.querySelectorAll("details:not([open])")] };
    before.closed.forEach((details) => { details.open = true; });
    root.classList.add("printing");
    show("light");
    for (const name of Object.keys(figures)) {
      const place = document.getElementById(name);
      Plotly.relayout(place, { autosize: false, width: place.clientWidth, height: place.clientHeight });
    }
  }
  function endPrint() {
    if (before === null) return;
    root.classList.remove("printing");
    before.closed.forEach((details) => { details.open = false; });
    show(before.theme);
    for (const name of Object.keys(figures)) {
      Plotly.relayout(name, { autosize: true, width: null, height: null });
    }
    before = null;
  }

  root.dataset.theme = prefersDark.matches ? "dark" : "light";
  button.textContent = prefersDark.matches ? "Light" : "Dark";
  button.addEventListener("click", () => show(root.dataset.theme === "dark" ? "light" : "dark"));
  prefersDark.addEventListener("change", (event) => show(event.matches ? "dark" : "light"));
  document.querySelectorAll(".copy").forEach((it) => it.addEventListener("click", () => copy(it)));
  document.querySelectorAll(".sortable th").forEach((heading) => {
    heading.tabIndex = 0;
    heading.addEventListener("click", () => sort(heading));
    heading.addEventListener("keydown", (event) => { if (event.key === "Enter") sort(heading); });
  });
  window.addEventListener("beforeprint", startPrint);
  window.addEventListener("afterprint", endPrint);
  // One plot at a time: a page of a thousand trials answers its reader between them.
  async function drawAll() {
    for (const name of Object.keys(figures)) {
      await draw(name);
      root.dataset.drawn = "first";
      await new Promise((resolve) => { setTimeout(resolve); });
    }
    root.dataset.drawn = "yes";
  }
  drawAll();
})();
