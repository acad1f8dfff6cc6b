// The page of gan-report: tables that sort and filter, curves drawn by plotly, pictures that follow a slider.
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const read = id => JSON.parse(document.getElementById(id).textContent);
  const element = (name, attributes = {}, ...children) => {
    const made = Object.assign(document.createElement(name), attributes);
    made.append(...children);
    return made;
  };
  const on = (target, event, action, early) => target && target.addEventListener(event, action, early);
  const report = read("report-data");
  const { groups, metrics, runs } = report;
  const metricOf = Object.fromEntries(metrics.map((metric, place) => [metric.tag, { ...metric, place }]));
  const swatch = group => group === null ? "" : element("i", { className: `swatch c${group % 8} r${Math.floor(group / 8) % 4}` });
  // What comes into sight is drawn then, and once.
  const inSight = (node, draw) => new IntersectionObserver((entries, observer) => {
    if (entries.some(entry => entry.isIntersecting)) { observer.disconnect(); draw(); }
  }, { rootMargin: "300px" }).observe(node);

  // Light and dark
  const redraws = new Map();  // element of a chart -> what draws it anew
  const setTheme = theme => {
    document.documentElement.dataset.theme = theme;
    $("#theme").textContent = theme === "dark" ? "Light" : "Dark";
    for (const draw of redraws.values()) draw();
  };
  on($("#theme"), "click", () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
  on(matchMedia("(prefers-color-scheme: dark)"), "change", event => setTheme(event.matches ? "dark" : "light"));
  setTheme(document.documentElement.dataset.theme);
  let before = null;
  on(window, "beforeprint", () => { before = document.documentElement.dataset.theme; setTheme("light"); });
  on(window, "afterprint", () => setTheme(before || "light"));

  // Tables
  const compare = (a, b) => a - b || 0;
  const sortBody = (body, column, sign) => {
    const keyed = [...body.rows].map(row => {
      const cell = row.cells[column];
      return { row, number: "value" in cell.dataset ? Number(cell.dataset.value) : null, text: cell.textContent.trim() };
    });
    keyed.sort((a, b) => {
      if ((a.number === null) !== (b.number === null)) return a.number === null ? 1 : -1;  // no figure: last, either way
      return sign * (a.number === null ? a.text.localeCompare(b.text, undefined, { numeric: true }) : compare(a.number, b.number));
    });
    body.append(...keyed.map(({ row }) => row));
  };
  const filterTable = box => {
    const wanted = $("input[type=search]", box).value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0, all = 0;
    for (const body of $$("tbody", box).filter(body => !body.hidden)) {
      for (const row of body.rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !wanted.every(word => text.includes(word));
        shown += !row.hidden;
        all += 1;
      }
    }
    $("output", box).textContent = wanted.length ? `${shown} of ${all} rows` : `${all} ${all === 1 ? "row" : "rows"}`;
  };
  for (const box of $$(".table")) {
    const heads = $$("thead th", box);
    heads.forEach((head, column) => on($("button", head), "click", () => {
      const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      heads.forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
      $$("tbody", box).forEach(body => sortBody(body, column, sign));
    }));
    on($("input[type=search]", box), "input", () => filterTable(box));
    $(".tools", box).hidden = $$("tbody", box).every(body => body.rows.length < 5);  // as few are seen at once
    filterTable(box);
    const names = heads.map(head => head.textContent);
    for (const row of $$("tbody tr", box)) for (const cell of row.cells) cell.dataset.label = names[cell.cellIndex];  // of a card, on a phone
  }
  on(document, "click", async event => {
    const button = event.target.closest(".copy");
    if (!button) return;
    const code = $("code", button.parentElement);
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {  // not allowed here: at least it is marked
      getSelection().selectAllChildren(code);
      button.textContent = document.execCommand("copy") ? "Copied" : "Marked";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });

  // Charts. Plotly reads some HTML in what it writes, and %{...} in templates: names go in as values, escaped.
  const plain = text => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const colour = name => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const groupColour = group => colour(`c${group % 8}`);
  const DASHES = ["solid", "dash", "dot", "dashdot", "longdash"];
  const faint = (hex, alpha) => hex + Math.round(alpha * 255).toString(16).padStart(2, "0");
  const phone = matchMedia("(max-width: 640px)"), isPhone = () => phone.matches;
  on(phone, "change", () => { for (const draw of redraws.values()) draw(); });
  const short = (text, length) => text.length > length ? `${text.slice(0, length - 1)}…` : text;
  const layout = changes => {
    const axis = { gridcolor: colour("line"), zerolinecolor: colour("line"), linecolor: colour("line"), automargin: true };
    const { xaxis, yaxis, ...rest } = changes;
    return {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false,
      font: { color: colour("ink"), family: colour("sans"), size: isPhone() ? 11 : 13 },
      margin: { l: 50, r: 12, t: 12, b: 44 },
      hoverlabel: { bgcolor: colour("sheet"), bordercolor: colour("line"), font: { color: colour("ink") }, namelength: -1 },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("soft"), activecolor: colour("ink") },
      xaxis: { ...axis, ...xaxis }, yaxis: { ...axis, ...yaxis }, ...rest,
    };
  };
  const draw = (node, traces, changes, config = {}) => Plotly.react(node, traces, layout(changes), {
    responsive: true, displaylogo: false, modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]], ...config,
  });
  const fillMetrics = (select, chosen) => {
    const families = new Map();
    for (const metric of chosen) {
      const family = metric.tag.includes("/") ? metric.tag.split("/")[0] : "other";
      if (!families.has(family)) families.set(family, element("optgroup", { label: family }));
      const words = metric.means ? `${metric.tag} – ${short(metric.means, 70)}` : metric.tag;
      families.get(family).append(element("option", { value: metric.tag, textContent: words }));
    }
    select.append(...families.values());
  };
  const betterWords = metric => ({ smallest: "smaller is better", largest: "larger is better" })[metric.better] || "";

  // Results: the intervals and the tables of one metric
  const MOST_ROWS = 40;
  const drawIntervals = () => {
    const node = $("#intervals"), tag = $("#metric").value;
    const sorted = report.summaries[tag].filter(([, mean]) => mean !== null).sort((a, b) => b[1] - a[1]);
    if (metricOf[tag]?.better === "largest") sorted.reverse();
    const rows = sorted.slice(-MOST_ROWS);  // the best is the topmost
    $("#interval-words").textContent = rows.length < sorted.length ? `The best ${rows.length} of ${sorted.length}; all are in the table.` : "";
    node.style.height = `${Math.max(120, 70 + 30 * rows.length)}px`;
    const length = isPhone() ? 16 : 44;
    const names = rows.map(([group]) => groups[group]);
    const seeds = rows.flatMap(([group, , , , values], y) => values.filter(([, v]) => v !== null).map(([name, v]) => ({ group, name, v, y })));
    draw(node, [{
      type: "scatter", mode: "markers", x: seeds.map(s => s.v), y: seeds.map(s => s.y), text: seeds.map(s => plain(s.name)),
      marker: { color: seeds.map(s => faint(groupColour(s.group), 0.45)), size: 8 }, hovertemplate: "%{text}<br>%{x:.4g}<extra></extra>",
    }, {
      type: "scatter", mode: "markers", x: rows.map(r => r[1]), y: rows.map((_, y) => y),
      text: rows.map(([group, , low, high]) => plain(groups[group]) + (low === null ? "" : `<br>95 %: ${low} to ${high}`)),
      marker: { color: rows.map(r => groupColour(r[0])), size: 13, symbol: "diamond", line: { color: colour("sheet"), width: 1.5 } },
      error_x: {
        type: "data", symmetric: false, color: colour("ink"), thickness: 1.6, width: 5,
        array: rows.map(r => r[3] === null ? 0 : r[3] - r[1]), arrayminus: rows.map(r => r[2] === null ? 0 : r[1] - r[2]),
      },
      hovertemplate: "<b>%{x:.4g}</b> %{text}<extra></extra>",
    }], {
      margin: { l: 20, r: 16, t: 6, b: 44 }, hovermode: "closest", xaxis: { title: { text: plain(tag) }, tickangle: 0, nticks: isPhone() ? 4 : 10 },
      yaxis: { tickvals: rows.map((_, y) => y), ticktext: names.map(name => plain(short(name, length))), range: [-0.7, rows.length - 0.3], gridcolor: "rgba(0,0,0,0)", zeroline: false },
    }, { displayModeBar: false });
  };
  if ($("#metric")) {
    fillMetrics($("#metric"), Object.keys(report.summaries).map(tag => metricOf[tag] || { tag, means: "" }));
    const choose = () => {
      const tag = $("#metric").value, metric = metricOf[tag] || { tag };
      $("#metric-means").textContent = betterWords(metric);
      for (const name of ["summaries", "comparisons"]) {
        const box = document.getElementById(name);
        if (!box) continue;
        $$("tbody", box).forEach(body => { body.hidden = body.dataset.metric !== tag; });
        filterTable(box);
      }
      if (redraws.has($("#intervals"))) drawIntervals();
    };
    on($("#metric"), "change", choose);
    choose();
    inSight($("#intervals"), () => { redraws.set($("#intervals"), drawIntervals); drawIntervals(); });
  }

  // Curves
  const MANY = 8;
  const first = report.summaries[Object.keys(report.summaries)[0]] || [];
  const ranked = first.filter(row => row[1] !== null).sort((a, b) => a[1] - b[1]).map(row => row[0]);
  if (metrics[0]?.better === "largest") ranked.reverse();
  const best = [...new Set([...ranked, ...groups.keys()])].slice(0, MANY);
  let shown = new Set(groups.length <= 12 ? groups.keys() : best);
  const curvesOf = tag => {
    const metric = metricOf[tag];
    return metric.curves ||= read(`curves-${metric.place}`);
  };
  // An exponential average that knows how far apart the points are, without the pull of its start.
  const smoothed = (steps, values, weight, typical) => {
    if (!weight) return values;
    let sum = 0, mass = 0, last = null;
    return values.map((value, i) => {
      if (value === null) return null;
      const keep = last === null ? 0 : weight ** ((steps[i] - last) / typical);
      sum = keep * sum + (1 - weight) * value;
      mass = keep * mass + (1 - weight);
      last = steps[i];
      return sum / mass;
    });
  };
  const curveTraces = (tag, { singles = false, weight = 0, small = false } = {}) => {
    const { bands, runs: single, floor } = curvesOf(tag), traces = [];
    const longest = Math.max(1, ...bands.map(band => band[1].at(-1) || 1)), typical = longest / 200;
    for (const [group, steps, ...band] of bands.filter(band => shown.has(band[0]))) {
      const [mean, low, high] = band.slice(0, 3).map(values => smoothed(steps, values, weight, typical));
      const tint = groupColour(group), n = band[3];
      const line = { color: tint, width: small ? 1.5 : 2.2, dash: DASHES[Math.floor(group / 8) % DASHES.length] };
      const edge = { type: "scatter", mode: "lines", x: steps, line: { width: 0 }, hoverinfo: "skip", connectgaps: false };
      if (n > 1 && !singles) {
        traces.push({ ...edge, y: low }, { ...edge, y: high, fill: "tonexty", fillcolor: faint(tint, 0.16) });
      }
      if (singles) {
        for (const [place, at, values] of single.filter(([place]) => runs[place].group === group)) {
          traces.push({
            type: "scatter", mode: at.length > 1 ? "lines" : "markers", x: at, y: smoothed(at, values, weight, typical), line: { color: faint(tint, 0.6), width: 1 },
            marker: { color: tint }, meta: plain(runs[place].name), hovertemplate: "%{meta}<br>step %{x}: <b>%{y:.4g}</b><extra></extra>",
          });
        }
      }
      traces.push({
        type: "scatter", mode: steps.length > 30 ? "lines" : "lines+markers", x: steps, y: mean, line, marker: { color: tint, size: small ? 3 : 6 },
        customdata: mean.map((_, i) => [low[i], high[i]]), meta: plain(short(groups[group], isPhone() ? 30 : 60)),
        hovertemplate: n > 1 ? "<b>%{y:.4g}</b> %{meta} (%{customdata[0]:.4g} to %{customdata[1]:.4g})<extra></extra>" : "<b>%{y:.4g}</b> %{meta}<extra></extra>",
        opacity: singles ? 0.9 : 1,
      });
    }
    if (floor !== null && traces.length) {
      const ends = [Math.min(...bands.map(band => band[1][0] ?? 0)), longest];
      traces.push({
        type: "scatter", mode: "lines", x: ends, y: [floor, floor], line: { color: colour("soft"), width: 1.2, dash: "dot" },
        hovertemplate: "<b>%{y:.4g}</b> real data score this<extra></extra>",
      });
    }
    return traces;
  };
  const drawCurves = () => {
    const tag = $("#curve").value, singles = $("#single").checked, weight = Number($("#smooth").value), log = $("#log").checked;
    const traces = curveTraces(tag, { singles, weight });
    const unified = !singles && shown.size <= 6 && !isPhone();
    draw($("#curve-chart"), traces, {
      hovermode: unified ? "x unified" : "closest",
      xaxis: { title: { text: "step" }, hoverformat: ",d" }, yaxis: { title: { text: plain(tag) }, type: log ? "log" : "linear" },
    });
    const { floor, bands } = curvesOf(tag), metric = metricOf[tag];
    const said = /is better/.test(metric.means) ? metric.means : [metric.means, betterWords(metric)].filter(Boolean).join("; ");
    const many = bands.some(band => band[5] > 1);
    $("#curve-words").textContent = [
      said && `${said[0].toUpperCase()}${said.slice(1)}.`, many && !singles && "Lines are means over seeds, bands reach from the lowest to the highest run.",
      singles && "Thin lines are single runs.", floor !== null && `The dotted line is what real data score: ${floor}.`,
      weight && "Smoothed.", log && "What is not positive has no place on a log scale.",
    ].filter(Boolean).join(" ");
  };
  const drawSmall = (node, tag) => draw(node, curveTraces(tag, { small: true }), { margin: { l: 40, r: 8, t: 6, b: 28 }, hovermode: "closest", font: { color: colour("ink"), family: colour("sans"), size: 10 } }, { displayModeBar: false });
  const showGallery = () => {
    const box = $("#gallery .charts");
    if (box.childElementCount) return;
    for (const metric of metrics) {
      const node = element("div", { className: "small" });
      const choose = element("button", { type: "button", textContent: metric.tag, title: `Show ${metric.tag} large` });
      on(choose, "click", () => { $("#curve").value = metric.tag; drawCurves(); $("#curves").scrollIntoView(); });
      box.append(element("figure", {}, element("figcaption", {}, choose, element("small", { textContent: betterWords(metric) })), node));
      inSight(node, () => { redraws.set(node, () => drawSmall(node, metric.tag)); drawSmall(node, metric.tag); });
    }
  };
  if ($("#curve-chart")) {
    fillMetrics($("#curve"), metrics);
    const chips = groups.map((name, group) => {
      const chip = element("button", { type: "button", title: name }, swatch(group), short(name, 80));
      on(chip, "click", () => { shown.has(group) ? shown.delete(group) : shown.add(group); refresh(); });
      return chip;
    });
    const refresh = () => {
      chips.forEach((chip, group) => chip.setAttribute("aria-pressed", shown.has(group)));
      $("#chip-count").textContent = `${shown.size} of ${groups.length} shown`;
      for (const [node, redraw] of redraws) if (node.id !== "intervals") redraw();
    };
    $("#chips").append(...chips);
    $("#chip-tools").hidden = groups.length < 4;
    $("#chips").hidden = groups.length < 2;
    on($("#chip-filter"), "input", event => {
      const wanted = event.target.value.toLowerCase();
      chips.forEach((chip, group) => { chip.hidden = !groups[group].toLowerCase().includes(wanted); });
    });
    $$("[data-show]").forEach(button => on(button, "click", () => {
      const visible = [...groups.keys()].filter(group => !chips[group].hidden);
      shown = new Set({ all: visible, best, none: [] }[button.dataset.show]);
      refresh();
    }));
    for (const name of ["curve", "log", "single"]) on($(`#${name}`), "change", drawCurves);
    on($("#smooth"), "input", drawCurves);
    on($("#gallery"), "toggle", showGallery);
    refresh();
    inSight($("#curve-chart"), () => { redraws.set($("#curve-chart"), drawCurves); drawCurves(); });
  }

  // Small images are enlarged as squares; plots, which have more pixels than they are given, are smoothed.
  on(document, "load", event => {
    const { target } = event;
    if (!(target instanceof HTMLImageElement)) return;
    target.classList.toggle("plot", target.naturalWidth > 400);
    if (target.closest(".look")) target.parentElement.style.aspectRatio = `${target.naturalWidth} / ${target.naturalHeight}`;
  }, true);

  // Samples: cards that load their picture when they are in sight, at the slider's step or the last before it
  if ($("#grids")) {
    const { drawn, steps } = report, slider = $("#step"), dialog = $("#large"), cards = [], stored = {};
    const source = (place, step) => {
      stored[place] ||= read(`grids-${place}`);
      return `data:image/webp;base64,${stored[place][step]}`;
    };
    const stepOf = place => drawn[place].findLast(step => step <= steps[slider.value]);
    const seen = new IntersectionObserver(entries => {
      for (const { target, isIntersecting } of entries) {
        const card = cards[target.dataset.card];
        card.inSight = isIntersecting;
        if (isIntersecting) show(card);
      }
    }, { rootMargin: "400px" });
    const show = card => {
      const step = card.place < 0 ? 0 : stepOf(card.place);
      if (card.step === step) return;
      card.step = step;
      if (step === undefined) { card.image.removeAttribute("src"); card.words.textContent = "nothing yet"; return; }
      card.image.src = card.place < 0 ? card.src : source(card.place, step);
      card.image.alt = `${card.title} at step ${step}`;
      if (card.place >= 0) card.words.textContent = step === steps[slider.value] ? "" : `last at step ${step.toLocaleString("en")}`;
    };
    const addCard = (place, src, title, lines) => {
      const image = element("img", { alt: title, decoding: "async" });
      const look = element("button", { type: "button", className: "look", ariaLabel: `Enlarge ${title}` }, image);
      const words = element("span", { className: "soft" });
      const figure = element("figure", { className: place < 0 ? "real" : "" }, look, element("figcaption", {}, ...lines, " ", words));
      const card = { place, src, title, image, words, figure, step: null, inSight: false };
      figure.dataset.card = cards.push(card) - 1;
      on(look, "click", () => enlarge(card));
      seen.observe(figure);
      return figure;
    };
    const runCard = place => {
      const run = runs[place], label = run.group === null ? "" : groups[run.group];
      const lines = [element("b", {}, swatch(run.group), short(label, 60)), `seed ${run.seed ?? "unknown"} · ${short(run.name, 60)}`];
      if (run.status !== "finished") lines.push(" ", element("span", { className: "badge", textContent: run.status }));
      for (const badge of lines.filter(line => line.className === "badge")) badge.dataset.kind = run.status;
      return addCard(place, null, run.name, lines);
    };
    const realCard = (key, words) => addCard(-1, `data:image/webp;base64,${report.real[key]}`, words, [element("b", { textContent: words })]);
    const arrange = () => {
      const byZ = $("#arrange").value === "z", wanted = $("#grid-filter").value.toLowerCase(), rows = new Map();
      cards.length = 0;
      seen.disconnect();
      for (const place of Object.keys(drawn).map(Number)) {
        const run = runs[place], label = run.group === null ? "unknown configuration" : groups[run.group];
        if (!`${run.name} ${label} seed ${run.seed} ${run.status}`.toLowerCase().includes(wanted)) continue;
        const key = byZ ? run.z ?? "" : label;
        const title = !byZ ? label : run.z === null ? "Each with a z of its own, or an unknown one" : `The same z: ${run.z}`;
        if (!rows.has(key)) rows.set(key, { title, group: byZ ? null : run.group, places: [] });
        rows.get(key).places.push(place);
      }
      const parts = [...rows.values()].map(({ title, group, places }, i) => {
        const box = element("div", { className: "grids" });
        const ofRow = report.real[-1] !== undefined ? (i === 0 ? -1 : null) : places.find(place => place in report.real);
        if (ofRow !== null && ofRow !== undefined) box.append(realCard(ofRow, "Real data"));
        box.append(...places.map(runCard));
        return element("div", {}, element("h3", {}, swatch(group), title), box);
      });
      $("#grids").replaceChildren(...(parts.length ? parts : [element("p", { className: "empty", textContent: "No run has this text." })]));
    };
    let large = null;
    const showLarge = () => {
      const step = large.place < 0 ? null : stepOf(large.place);
      $("img", dialog).src = step === null ? large.src : step === undefined ? "" : source(large.place, step);
      $("img", dialog).alt = large.title;
      $("span", dialog).textContent = step === null ? large.title : `${large.title}, step ${step?.toLocaleString("en")}. Arrow keys change the step.`;
    };
    const enlarge = card => { large = card; showLarge(); dialog.showModal(); };
    on(dialog, "keydown", event => {
      const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (move) { slider.value = Number(slider.value) + move; moved(); }
    });
    on(dialog, "click", event => { if (event.target === dialog) dialog.close(); });
    const moved = () => {
      const words = `step ${steps[slider.value].toLocaleString("en")}`;
      $("#step-words").textContent = words;
      slider.setAttribute("aria-valuetext", words);
      cards.forEach(card => { if (card.inSight) show(card); });
      if (dialog.open) showLarge();
    };
    slider.max = steps.length - 1;
    slider.value = steps.length - 1;
    on(slider, "input", moved);
    let timer = null;
    const stop = () => { clearInterval(timer); timer = null; $("#play").textContent = "Play"; $("#play").setAttribute("aria-pressed", false); };
    on($("#play"), "click", () => {
      if (timer) return stop();
      if (Number(slider.value) === steps.length - 1) slider.value = 0;
      $("#play").textContent = "Stop";
      $("#play").setAttribute("aria-pressed", true);
      moved();
      timer = setInterval(() => {
        slider.value = Number(slider.value) + 1;
        moved();
        if (Number(slider.value) === steps.length - 1) stop();
      }, 450);
    });
    on($("#arrange"), "change", arrange);
    on($("#grid-filter"), "input", arrange);
    on($("#size"), "change", event => $("#grids").style.setProperty("--size", event.target.value));
    on(window, "beforeprint", () => cards.forEach(show));
    arrange();
    moved();
  }

  // The section one reads is marked in the list of sections.
  const links = Object.fromEntries($$("nav a").map(link => [link.hash.slice(1), link]));
  const spy = new IntersectionObserver(entries => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) for (const [id, link] of Object.entries(links)) id === target.id ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current");
    }
  }, { rootMargin: "-15% 0px -80% 0px" });
  $$("section").forEach(section => spy.observe(section));
})();
