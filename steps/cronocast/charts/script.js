// Reads values off a chart: pointer, touch or arrow keys move a line; the numbers stand beside it. Nothing is fetched.
(() => {
  "use strict";
  const NS = "http://www.w3.org/2000/svg";
  const make = (name, attributes) => {
    const node = document.createElementNS(NS, name);
    for (const key in attributes) node.setAttribute(key, attributes[key]);
    return node;
  };
  const near = (list, value) => {
    let low = 0;
    let high = list.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (list[middle] < value) low = middle;
      else high = middle;
    }
    return value - list[low] <= list[high] - value ? low : high;
  };
  for (const figure of document.querySelectorAll("figure[data-hover]")) {
    const data = JSON.parse(document.getElementById(figure.dataset.hover).textContent);
    if (!data.x.length) continue;
    const tip = document.createElement("div");
    tip.className = "tip";
    tip.setAttribute("role", "status");
    tip.hidden = true;
    figure.append(tip);
    const when = data.zone && new Intl.DateTimeFormat("en-GB", {
      timeZone: data.zone, weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit",
      year: data.years ? "numeric" : undefined, second: data.seconds ? "2-digit" : undefined, hourCycle: "h23",
    });
    const label = (i) => (when ? when.format(data.x0 + data.x[i] * data.unit) : data.labels[i]);
    let at = -1;
    const show = (svg, i) => {
      at = i;
      const [left, top, right, bottom] = svg.dataset.box.split(" ").map(Number);
      const x = left + ((data.x[i] - data.d[0]) / (data.d[1] - data.d[0])) * (right - left);
      svg.querySelector(".cursor")?.remove();
      const cursor = make("g", { class: "cursor" });
      cursor.append(make("path", { d: `M${x} ${top}V${bottom}` }));
      const line = document.createElement("strong");
      line.textContent = label(i);
      tip.replaceChildren(line);
      for (const row of data.rows) {
        if (row.text[i] === null) continue;
        const item = document.createElement("span");
        item.className = "of-" + row.cls;
        item.textContent = `${row.name} ${row.text[i]}`;
        tip.append(item);
        if (row.y.length) {
          const y = bottom - row.y[i] * (bottom - top);
          cursor.append(make("circle", { cx: x, cy: y, r: 3.5, class: "dot-" + row.cls }));
        }
      }
      svg.append(cursor);
      tip.hidden = false;
      const box = svg.getBoundingClientRect();
      const home = figure.getBoundingClientRect();
      const column = (x / svg.viewBox.baseVal.width) * box.width + box.left - home.left;
      const side = column > home.width / 2 ? column - tip.offsetWidth - 14 : column + 14;
      tip.style.left = `${Math.max(0, Math.min(side, home.width - tip.offsetWidth))}px`;
      tip.style.top = `${(top / svg.viewBox.baseVal.height) * box.height + box.top - home.top + 6}px`;
    };
    const hide = () => {
      tip.hidden = true;
      for (const cursor of figure.querySelectorAll(".cursor")) cursor.remove();
    };
    for (const svg of figure.querySelectorAll("svg")) {
      const move = (event) => {
        const [left, , right] = svg.dataset.box.split(" ").map(Number);
        const box = svg.getBoundingClientRect();
        const x = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
        show(svg, near(data.x, data.d[0] + ((x - left) / (right - left)) * (data.d[1] - data.d[0])));
      };
      svg.setAttribute("tabindex", "0");
      svg.addEventListener("pointermove", move);
      svg.addEventListener("pointerdown", move);
      svg.addEventListener("pointerleave", hide);
      svg.addEventListener("blur", hide);
      svg.addEventListener("keydown", (event) => {
        const last = data.x.length - 1;
        const start = at < 0 ? near(data.x, data.start ?? data.d[1]) : at;
        const to = { ArrowLeft: start - 1, ArrowRight: start + 1, PageUp: start - 12, PageDown: start + 12, Home: 0, End: last }[event.key];
        if (event.key === "Escape") hide();
        if (to === undefined) return;
        event.preventDefault();
        show(svg, Math.max(0, Math.min(last, to)));
      });
    }
  }
  for (const field of document.querySelectorAll("input[data-filter]")) {
    const rows = document.querySelectorAll(`#${field.dataset.filter} tbody tr`);
    const count = document.getElementById(`${field.dataset.filter}-count`);
    field.closest("[hidden]")?.removeAttribute("hidden");
    field.addEventListener("input", () => {
      const words = field.value.toLowerCase().split(/\s+/);
      let shown = 0;
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        shown += row.hidden ? 0 : 1;
      }
      count.textContent = `${shown} shown`;
    });
  }
  const open = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    const folded = target && target.closest("details.member");
    if (folded) {
      folded.open = true;
      target.scrollIntoView();
    }
  };
  addEventListener("hashchange", open);
  open();
})();
