/// A point of a chart with an optional error bar.
public struct ChartPoint: Sendable, Equatable {
    /// The horizontal value.
    public var x: Double
    /// The vertical value; NaN and infinities interrupt the line and are marked.
    public var y: Double
    /// The range of the error bar.
    public var bar: ClosedRange<Double>?

    /// Creates a point.
    public init(x: Double, y: Double, bar: ClosedRange<Double>? = nil) { (self.x, self.y, self.bar) = (x, y, bar) }

    /// Beyond 1e300, differences of doubles overflow.
    var isDrawable: Bool { abs(x) < 1e300 && abs(y) < 1e300 }
}

/// A series of any length in bounded memory: the minimum, the maximum and the first non-finite point of each of at most
/// `capacity` equal spans of x. When they run out, spans are merged in pairs, so extrema are never lost.
public struct ThinnedSeries: Sendable {
    private struct Span {
        var low: ChartPoint?
        var high: ChartPoint?
        var gap: ChartPoint?

        mutating func add(_ point: ChartPoint) {
            guard point.isDrawable else { return gap = gap ?? point }
            if low.map({ point.y < $0.y }) ?? true { low = point }
            if high.map({ point.y > $0.y }) ?? true { high = point }
        }

        var points: [ChartPoint] { [low, high, gap].compactMap { $0 } }
    }

    private let capacity: Int
    private var width: Double
    private var spans: [Double: Span] = [:]
    /// The number of points added.
    public private(set) var count = 0
    /// The first point.
    public private(set) var first: ChartPoint?
    /// The point added last.
    public private(set) var last: ChartPoint?

    /// Creates an empty series; `width` is the initial width of a span.
    public init(capacity: Int = 1024, width: Double = 1) { (self.capacity, self.width) = (max(2, capacity), width) }

    /// Adds a point; one whose x is not finite is ignored.
    public mutating func add(_ point: ChartPoint) {
        guard point.x.isFinite else { return }
        count += 1
        if first == nil { first = point }
        last = point
        spans[(point.x / width).rounded(.down), default: Span()].add(point)
        while spans.count > capacity {
            width *= 2
            let old = spans.values
            spans = [:]
            for point in old.flatMap(\.points) {
                spans[(point.x / width).rounded(.down), default: Span()].add(point)
            }
        }
    }

    /// The retained points in ascending x: at most three per span, and the first and last of the series.
    public var points: [ChartPoint] {
        let all = (spans.values.flatMap(\.points) + [first, last].compactMap { $0 }).sorted {
            ($0.x, $0.y) < ($1.x, $1.y)
        }
        return all.indices.filter { $0 == 0 || all[$0] != all[$0 - 1] }.map { all[$0] }
    }

    /// Thins points to the minimum and maximum of each of `spans` equal parts of their range.
    static func thin(_ points: [ChartPoint], spans: Int) -> [ChartPoint] {
        guard points.count > 2 * spans, let low = points.map(\.x).min(), let high = points.map(\.x).max(), high > low
        else { return points }
        var series = ThinnedSeries(capacity: spans + 2, width: (high - low) / Double(spans))
        for point in points { series.add(point) }
        return series.points
    }
}
