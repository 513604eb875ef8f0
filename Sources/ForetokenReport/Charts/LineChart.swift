/// A line chart, embedded in an HTML page or written as an SVG file.
public struct LineChart: Sendable {
    /// How a line is drawn.
    public enum Weight: Sendable {
        /// Thin and translucent, without a label.
        case background
        /// Bold, with a label at its right end.
        case foreground
    }

    /// A line.
    public struct Series: Sendable {
        /// Shown at the line's right end and in tooltips.
        public var name: String
        /// Points in ascending x.
        public var points: [ChartPoint]
        /// The line's colour.
        public var color: ChartColor
        /// How it is drawn.
        public var weight: Weight

        /// Creates a line.
        public init(_ name: String, _ points: [ChartPoint], color: ChartColor, weight: Weight = .foreground) {
            (self.name, self.points, self.color, self.weight) = (name, points, color, weight)
        }
    }

    /// The heading.
    public var title: String
    /// A caption in smaller type after the heading: the unit, the definition or the legend.
    public var note = ""
    /// The lines; background lines are drawn first.
    public var series: [Series]
    /// The label of the horizontal axis.
    public var xName = "step"
    /// A range that the horizontal axis covers in any case, such as that of the page's other charts.
    public var xRange: ClosedRange<Double>?
    /// Whether the horizontal axis is logarithmic; ignored unless every x is positive.
    public var isXLogarithmic = false
    /// The unit of the values.
    public var unit = ChartUnit.number
    /// Whether the vertical axis is logarithmic; ignored unless every value is positive.
    public var isLogarithmic = false
    /// Whether the vertical axis includes 0.
    public var includesZero = false
    /// Whether every x of the data gets a tick; for a few integers, such as head numbers.
    public var ticksAtData = false
    /// The maximum number of points drawn over all lines; longer series are thinned.
    public var pointBudget = 3000

    /// Creates a chart.
    public init(_ title: String, _ series: [Series]) { (self.title, self.series) = (title, series) }

    /// The chart as an HTML `figure`; the page must include ``style`` once.
    public var figure: String {
        let note = note.isEmpty ? "" : " <small>\(Markup.escaped(note))</small>"
        return "<figure><figcaption>\(Markup.escaped(title))\(note)</figcaption>\n\(svg(standalone: false))</figure>\n"
    }

    /// The chart as the text of a standalone SVG file.
    public var file: String { svg(standalone: true) }
}
