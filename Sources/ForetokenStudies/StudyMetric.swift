import ForetokenReport
import ForetokenTraining

/// A metric of a run, by its name in study files and results.
struct StudyMetric: Sendable, Hashable {
    /// The unit, which decides the format.
    enum Unit: Sendable {
        case bits, loss, share, ratio, times, count, bytes
    }

    let name: String
    let unit: Unit

    init(_ name: String, _ unit: Unit) { (self.name, self.unit) = (name, unit) }

    /// The metrics that every run has without a measurement.
    static let ofTraining = [
        StudyMetric("parameters", .count), StudyMetric("tokens", .count), StudyMetric("tokensPerSecond", .count),
        StudyMetric("peakBytes", .bytes),
    ]

    /// Whether it measures the quality of a model, so that differences between variants are shown.
    var isQuality: Bool { unit != .count && unit != .bytes }

    /// The head of a per-head metric such as `acceptance.2`; the suffix of `tokensPerForward@0.8` is a temperature.
    var head: Int? { name.contains("@") ? nil : name.split(separator: ".").last.flatMap { Int($0) } }

    /// The column heading.
    var title: String {
        let titles = [
            "bitsPerByte": "bits/byte", "tokensPerForward": "tokens/forward", "tokensPerSecond": "tokens/s",
            "peakBytes": "peak memory", "speedUp": "speed-up",
        ]
        for (key, title) in titles where name == key || name.hasPrefix(key + "@") || name.hasPrefix(key + ".") {
            let suffix = name.dropFirst(key.count)
            return title + (suffix.first == "." ? " " + suffix.dropFirst() : suffix.replacing("@", with: " T "))
        }
        return name.replacing(".", with: " ", maxReplacements: 1)
    }

    func text(_ value: Double) -> String {
        switch unit {
        case .bits: Formatting.fixed(value, 3)
        case .loss: Formatting.fixed(value, 4)
        case .share: Formatting.percent(value)
        case .ratio: Formatting.fixed(value, 2)
        case .times: Formatting.fixed(value, 2) + "x"
        case .count: Formatting.count(value)
        case .bytes: Formatting.bytes(value)
        }
    }

    /// A signed difference, with one more decimal than the values.
    func difference(_ value: Double) -> String {
        let sign = value < 0 ? "−" : "+"
        let magnitude = abs(value)
        return switch unit {
        case .bits: sign + Formatting.fixed(magnitude, 4)
        case .loss: sign + Formatting.fixed(magnitude, 5)
        case .share: sign + Formatting.fixed(magnitude * 100, 2)
        case .ratio, .times: sign + Formatting.fixed(magnitude, 3)
        case .count, .bytes: sign + text(magnitude)
        }
    }

    var chartUnit: ChartUnit {
        switch unit {
        case .bits, .loss, .ratio: .number
        case .share: .percent
        case .times: .ratio
        case .count: .count
        case .bytes: .bytes
        }
    }
}
