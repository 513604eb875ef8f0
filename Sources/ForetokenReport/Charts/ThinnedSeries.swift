/// A point of a chart, with the ends of its error bar if it has one.
public struct ChartPoint: Sendable, Equatable {
    /// Across.
    public var x: Double
    /// Up; NaN and infinities break the line and are marked.
    public var y: Double
    /// The ends of the error bar.
    public var bar: ClosedRange<Double>?

    /// A point.
    public init(x: Double, y: Double, bar: ClosedRange<Double>? = nil) { (self.x, self.y, self.bar) = (x, y, bar) }

    /// Beyond this, differences of doubles overflow.
    var isDrawable: Bool { abs(x) < 1e300 && abs(y) < 1e300 }
}

/// A series of any length in bounded memory: the least and the greatest value of each of at most `capacity` equal spans of x,
/// and what cannot be drawn. No spike is ever lost: the spans only join in pairs.
public struct ThinnedSeries: Sendable {
    private struct Span {
        var low: ChartPoint?
        var high: ChartPoint?
        var gap: ChartPoint?

        mutating func take(_ point: ChartPoint) {
            guard point.isDrawable else { return gap = gap ?? point }
            if low.map({ point.y < $0.y }) ?? true { low = point }
            if high.map({ point.y > $0.y }) ?? true { high = point }
        }

        var points: [ChartPoint] { [low, high, gap].compactMap { $0 } }
    }

    private let capacity: Int
    private var width: Double
    private var spans: [Double: Span] = [:]
    /// Points taken.
    public private(set) var count = 0
    /// The first point.
    public private(set) var first: ChartPoint?
    /// The point taken last.
    public private(set) var last: ChartPoint?

    /// Nothing yet; `width` is the span to begin with.
    public init(capacity: Int = 1024, width: Double = 1) { (self.capacity, self.width) = (max(2, capacity), width) }

    /// Takes a point; its x must be finite.
    public mutating func add(_ point: ChartPoint) {
        guard point.x.isFinite else { return }
        count += 1
        if first == nil { first = point }
        last = point
        spans[(point.x / width).rounded(.down), default: Span()].take(point)
        while spans.count > capacity {
            width *= 2
            let old = spans.values
            spans = [:]
            for point in old.flatMap(\.points) {
                spans[(point.x / width).rounded(.down), default: Span()].take(point)
            }
        }
    }

    /// What is left, by rising x: at most three points a span, the first and the last.
    public var points: [ChartPoint] {
        let all = (spans.values.flatMap(\.points) + [first, last].compactMap { $0 }).sorted {
            ($0.x, $0.y) < ($1.x, $1.y)
        }
        return all.indices.filter { $0 == 0 || all[$0] != all[$0 - 1] }.map { all[$0] }
    }

    /// Points so thinned that each of `spans` equal parts of their range shows its least and greatest.
    static func thin(_ points: [ChartPoint], spans: Int) -> [ChartPoint] {
        guard points.count > 2 * spans, let low = points.map(\.x).min(), let high = points.map(\.x).max(), high > low
        else { return points }
        var series = ThinnedSeries(capacity: spans + 2, width: (high - low) / Double(spans))
        for point in points { series.add(point) }
        return series.points
    }
}
