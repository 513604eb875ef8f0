/// Lines over a shared axis: a page's charts, or an image of its own.
public struct LineChart: Sendable {
    /// How a line is drawn.
    public enum Weight: Sendable {
        /// Thin and pale, without a label: what stands behind.
        case background
        /// Bold, with a label at its end.
        case foreground
    }

    /// A line.
    public struct Series: Sendable {
        /// Shown at the line's end and when it is pointed at.
        public var name: String
        /// By rising x.
        public var points: [ChartPoint]
        /// What its colour means.
        public var color: ChartColor
        /// How it is drawn.
        public var weight: Weight

        /// A line.
        public init(_ name: String, _ points: [ChartPoint], color: ChartColor, weight: Weight = .foreground) {
            (self.name, self.points, self.color, self.weight) = (name, points, color, weight)
        }
    }

    /// What is drawn, as a heading.
    public var title: String
    /// What is more to say about it.
    public var note = ""
    /// The lines; those in the background are drawn first.
    public var series: [Series]
    /// The name of the horizontal axis.
    public var xName = "step"
    /// The range of the horizontal axis, such as that of other charts beside it; that of the points if nil.
    public var xRange: ClosedRange<Double>?
    /// Equal ratios are equal distances across, if every x is above 0.
    public var isXLogarithmic = false
    /// What the values are.
    public var unit = ChartUnit.number
    /// Equal ratios are equal distances, if all values are above 0.
    public var isLogarithmic = false
    /// The axis reaches to 0.
    public var includesZero = false
    /// Every x of the data gets a tick: for a few whole numbers, such as heads.
    public var ticksAtData = false
    /// How many points may be drawn, over all lines.
    public var pointBudget = 3000

    /// A chart.
    public init(_ title: String, _ series: [Series]) { (self.title, self.series) = (title, series) }

    /// The chart in a frame for an HTML page, which holds ``style`` once.
    public var figure: String {
        let note = note.isEmpty ? "" : " <small>\(Markup.escaped(note))</small>"
        return "<figure><figcaption>\(Markup.escaped(title))\(note)</figcaption>\n\(svg(standalone: false))</figure>\n"
    }

    /// The chart as a file of its own.
    public var file: String { svg(standalone: true) }
}
