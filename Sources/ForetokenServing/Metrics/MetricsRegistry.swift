import Synchronization

/// Counters, gauges and histograms in Prometheus' text format 0.0.4.
///
/// A metric is registered once and changed through its handle; a handle may be used from any thread.
package final class MetricsRegistry: Sendable {
    /// The kind of a metric.
    package enum Kind: String, Sendable {
        case counter
        case gauge
        case histogram
    }

    /// A label of a series: its name and value.
    package typealias Label = (name: String, value: String)

    /// A series of a registered metric.
    package struct Handle: Sendable {
        fileprivate let metric: Int
        fileprivate let series: Int
    }

    fileprivate struct Series: Sendable {
        var labels: [(name: String, value: String)]
        var value = 0.0
        /// Of a histogram: the observations up to each bound, not cumulated, and those above all bounds.
        var counts: [Int] = []
        var sum = 0.0
    }

    fileprivate struct Metric: Sendable {
        var name: String
        var help: String
        var kind: Kind
        var bounds: [Double]
        var series: [Series] = []
    }

    private let metrics = Mutex<[Metric]>([])

    package init() {}

    /// Registers a series, or finds it; a metric may have several, with different labels.
    ///
    /// - Parameters:
    ///   - name: the metric's name, a counter's with `_total`.
    ///   - help: one sentence.
    ///   - kind: the kind.
    ///   - bounds: of a histogram: the upper bounds of its buckets, increasing.
    ///   - labels: the series' labels.
    package func register(
        _ name: String, help: String, _ kind: Kind, bounds: [Double] = [], labels: [Label] = []
    ) -> Handle {
        metrics.withLock { metrics in
            let metric =
                metrics.firstIndex { $0.name == name }
                ?? {
                    metrics.append(Metric(name: name, help: help, kind: kind, bounds: bounds))
                    return metrics.count - 1
                }()
            let known = metrics[metric].series.firstIndex { $0.labels.elementsEqual(labels, by: ==) }
            if let known { return Handle(metric: metric, series: known) }
            var series = Series(labels: labels)
            series.counts = [Int](repeating: 0, count: kind == .histogram ? metrics[metric].bounds.count + 1 : 0)
            metrics[metric].series.append(series)
            return Handle(metric: metric, series: metrics[metric].series.count - 1)
        }
    }

    /// Adds to a counter or gauge.
    package func add(_ value: Double, to handle: Handle) {
        metrics.withLock { $0[handle.metric].series[handle.series].value += value }
    }

    /// Sets a gauge, or a counter that is kept elsewhere.
    package func set(_ value: Double, of handle: Handle) {
        metrics.withLock { $0[handle.metric].series[handle.series].value = value }
    }

    /// The value of a counter or gauge.
    package func value(of handle: Handle) -> Double {
        metrics.withLock { $0[handle.metric].series[handle.series].value }
    }

    /// Adds an observation to a histogram; NaN is ignored.
    package func observe(_ value: Double, in handle: Handle) {
        guard !value.isNaN else { return }
        metrics.withLock { metrics in
            let bucket = metrics[handle.metric].bounds.firstIndex { value <= $0 }
            let bounds = metrics[handle.metric].bounds.count
            metrics[handle.metric].series[handle.series].counts[bucket ?? bounds] += 1
            metrics[handle.metric].series[handle.series].sum += value
        }
    }

    /// The metrics as text, `text/plain; version=0.0.4`.
    ///
    /// - Parameter names: each metric is written once under each of these names; nil leaves it out.
    package func text(names: [@Sendable (String) -> String?] = [{ $0 }]) -> String {
        let metrics = metrics.withLock { $0 }
        var text = ""
        for name in names {
            for metric in metrics {
                guard let name = name(metric.name) else { continue }
                metric.write(as: name, to: &text)
            }
        }
        return text
    }
}

extension MetricsRegistry.Metric {
    fileprivate func write(as name: String, to text: inout String) {
        text += "# HELP \(name) \(Self.escaped(help, quotes: false))\n# TYPE \(name) \(kind.rawValue)\n"
        for series in series {
            guard kind == .histogram else {
                write(name, series.labels, Self.number(series.value), to: &text)
                continue
            }
            var total = 0
            for (index, count) in series.counts.enumerated() {
                total += count
                let bound = index < bounds.count ? Self.number(bounds[index]) : "+Inf"
                write("\(name)_bucket", series.labels + [("le", bound)], String(total), to: &text)
            }
            write("\(name)_sum", series.labels, Self.number(series.sum), to: &text)
            write("\(name)_count", series.labels, String(total), to: &text)
        }
    }

    private func write(
        _ name: String, _ labels: [(name: String, value: String)], _ value: String, to text: inout String
    ) {
        text += name
        if !labels.isEmpty {
            let pairs = labels.map { "\($0.name)=\"\(Self.escaped($0.value, quotes: true))\"" }
            text += "{\(pairs.joined(separator: ","))}"
        }
        text += " \(value)\n"
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        guard value.isFinite else { return value < 0 ? "-Inf" : "+Inf" }
        return Int(exactly: value).map(String.init) ?? value.description
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        text.unicodeScalars.reduce(into: "") { result, scalar in
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(scalar)
            }
        }
    }
}
