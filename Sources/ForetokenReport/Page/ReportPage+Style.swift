extension ReportPage {
    static let style = """

        :root{color-scheme:light dark;--paper:#fff;--card:#fff;--ink:#1b1f24;--dim:#626a73;--rule:#e4e7eb;--mark:#fff1c2}
        @media (prefers-color-scheme:dark){:root{--paper:#131619;--card:#181c20;--ink:#e8eaed;--dim:#9aa3ad;\
        --rule:#2b3036;--mark:#4a3d10}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,\
        "DejaVu Sans",sans-serif}
        main{max-width:1480px;margin:0 auto;padding:24px 20px 60px}
        h1{font-size:24px;margin:0 0 2px;overflow-wrap:anywhere}
        h2{font-size:17px;margin:32px 0 10px}
        .facts{margin:0 0 18px;color:var(--dim)}
        .scroll{overflow-x:auto;margin:14px 0}
        table{border-collapse:collapse;font-variant-numeric:tabular-nums}
        th,td{text-align:right;padding:4px 14px 4px 0;border-bottom:1px solid var(--rule);white-space:nowrap}
        th{font-weight:500;color:var(--dim);font-size:13px}
        th:first-child,td:first-child{text-align:left}
        .charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,420px),1fr));gap:14px;margin-top:20px}
        figure{margin:0;padding:12px 12px 6px;border:1px solid var(--rule);border-radius:8px;background:var(--card);\
        min-width:0}
        figcaption{font-weight:600;margin:0 0 6px 2px;overflow-wrap:anywhere}
        small{font-weight:400;font-size:12.5px;color:var(--dim);margin-left:6px}
        pre{margin:0;overflow-x:auto;font:12.5px/1.5 ui-monospace,"DejaVu Sans Mono",monospace}
        mark{background:var(--mark);color:inherit}
        #tip{position:fixed;pointer-events:none;display:none;background:var(--card);color:var(--ink);padding:6px 9px;\
        border:1px solid var(--rule);border-radius:6px;font-size:12px;line-height:1.45;white-space:pre;z-index:1;\
        font-variant-numeric:tabular-nums;box-shadow:0 2px 8px #0003}
        #tip b{font-weight:600}
        .rule{stroke:var(--dim);stroke-dasharray:2 2}

        """

    /// Shows the values at the pointer in a tooltip. Values are recovered from pixel coordinates, to about four digits;
    /// without scripting, lines and points still have titles. The text must not contain `<` or `&`: the page is also XML.
    static let script = """

        (function () {
          'use strict';
          var tip = document.body.appendChild(document.createElement('div'));
          tip.id = 'tip';
          var short = function (v) { return String(Number(v.toPrecision(4))); };
          var scaled = function (v, base, units) {
            var i = 0;
            while (Math.abs(v) >= base ? units.length - 1 > i : false) { v = v / base; i = i + 1; }
            return String(Number(v.toPrecision(3))) + units[i];
          };
          var written = {
            number: short,
            count: function (v) { return scaled(v, 1000, ['', 'k', 'M', 'G', 'T']); },
            bytes: function (v) { return scaled(v, 1024, [' B', ' KiB', ' MiB', ' GiB', ' TiB']); },
            percent: function (v) { return String(Number((v * 100).toPrecision(3))) + '%'; },
            ratio: function (v) { return String(Number(v.toPrecision(3))) + '×'; }
          };
          var hide = function (svg) {
            tip.style.display = 'none';
            svg.querySelectorAll('.rule').forEach(function (r) { r.remove(); });
          };
          document.querySelectorAll('svg.chart').forEach(function (svg) {
            var x = svg.dataset.x.split(' ').map(Number), y = svg.dataset.y.split(' ').map(Number);
            var box = svg.viewBox.baseVal, lines = null;
            var read = function () {
              lines = Array.from(svg.querySelectorAll('path[data-s]')).map(function (path) {
                var points = path.getAttribute('d').split(/[ML]/).slice(1).map(function (p) {
                  return p.split(' ').map(Number);
                });
                return { name: path.dataset.s, color: getComputedStyle(path).stroke, points: points };
              }).filter(function (line) { return line.points.length; });
            };
            var nearest = function (points, at) {
              return points.reduce(function (a, b) { return Math.abs(b[0] - at) >= Math.abs(a[0] - at) ? a : b; });
            };
            var valueX = function (p) {
              var part = (p - x[2]) / (x[3] - x[2]);
              if (x[4]) { return written.number(x[0] * Math.pow(x[1] / x[0], part)); }
              var v = x[0] + part * (x[1] - x[0]);
              // Coordinates are rounded to hundredths of a pixel; a step known less exactly is shown as approximate.
              var grain = Math.pow(10, Math.ceil(Math.log10((x[1] - x[0]) / (x[3] - x[2]) / 50)));
              return (grain > 1 ? '≈ ' : '') + Number((Math.round(v / Math.max(grain, 1)) * Math.max(grain, 1)).toFixed(0))
                .toLocaleString('en');
            };
            var valueY = function (p) {
              var part = (p - y[2]) / (y[3] - y[2]);
              return written[svg.dataset.unit](y[4] ? y[0] * Math.pow(y[1] / y[0], part) : y[0] + part * (y[1] - y[0]));
            };
            svg.addEventListener('pointermove', function (event) {
              if (!lines) { read(); }
              var frame = svg.getBoundingClientRect();
              var at = (event.clientX - frame.left) * box.width / frame.width;
              if (!lines.length) { return; }
              var found = nearest(lines.map(function (line) { return nearest(line.points, at); }), at)[0];
              hide(svg);
              var rule = document.createElementNS(svg.namespaceURI, 'path');
              rule.setAttribute('class', 'rule');
              rule.setAttribute('d', 'M' + found + ' ' + y[2] + 'V' + y[3]);
              svg.appendChild(rule);
              tip.textContent = svg.dataset.name + ' ' + valueX(found);
              lines.map(function (line) { return { line: line, point: nearest(line.points, found) }; })
                .filter(function (row) { return 6 >= Math.abs(row.point[0] - found); })
                .sort(function (a, b) { return a.point[1] - b.point[1]; })
                .slice(0, 16).forEach(function (row) {
                  var item = tip.appendChild(document.createElement('div'));
                  var swatch = item.appendChild(document.createElement('b'));
                  swatch.style.color = row.line.color;
                  swatch.textContent = '— ';
                  item.appendChild(document.createTextNode(row.line.name + ' ' + valueY(row.point[1])));
                });
              tip.style.display = 'block';
              var left = event.clientX + 14;
              if (left + tip.offsetWidth > innerWidth - 4) { left = Math.max(4, event.clientX - tip.offsetWidth - 14); }
              tip.style.left = left + 'px';
              tip.style.top = Math.max(4, Math.min(event.clientY + 12, innerHeight - tip.offsetHeight - 4)) + 'px';
            });
            svg.addEventListener('pointerleave', function () { hide(svg); });
          });
        }());

        """
}
