extension LineChart {
    /// The style sheet of charts in the light and the dark theme, included once per page. A series carries its light colour
    /// as an attribute, since some SVG renderers ignore style sheets, and its dark colour as a custom property.
    public static let style = """

        .chart{--ink:#1b1f24;--dim:#626a73;--rule:#e4e7eb;--axis:#aab2bb;--bad:#c4320a;display:block;width:100%;\
        height:auto;font:11.5px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;\
        font-variant-numeric:tabular-nums}
        .chart text{fill:var(--dim);white-space:pre}
        .chart .v{fill:var(--ink)}
        .chart .t{fill:var(--ink);font-size:14px;font-weight:600}
        .chart .n{fill:var(--dim);font-size:11px;font-weight:400}
        .chart .g{stroke:var(--rule);fill:none}
        .chart .a{stroke:var(--axis);fill:none}
        .chart .p,.chart .e{fill:none;stroke-linejoin:round;stroke-linecap:round}
        .chart .f .p{stroke-width:2}
        .chart .m .p{stroke-width:1.2}
        .chart .f circle{stroke:none}
        .chart .b .p{stroke-width:1;opacity:.45}
        .chart .b circle{opacity:.6;stroke:none}
        .chart .l{fill:none;stroke-width:1;opacity:.7}
        .chart .d{stroke-dasharray:1 3}
        .chart .x{stroke:var(--bad);stroke-width:1.5;fill:none}
        @media (prefers-color-scheme:dark){
        .chart{--ink:#e8eaed;--dim:#9aa3ad;--rule:#2b3036;--axis:#59626c;--bad:#ff8a65}
        .chart .s{stroke:var(--d);fill:var(--d)}
        .chart .l{fill:none}
        }

        """
}
