import ForetokenReport
import ForetokenTraining

/// A number that a run has, by its name in a study's file and results.
struct StudyMetric: Sendable, Hashable {
    /// How it is written.
    enum Unit: Sendable {
        case bits, loss, share, ratio, times, count, bytes
    }

    let name: String
    let unit: Unit

    init(_ name: String, _ unit: Unit) { (self.name, self.unit) = (name, unit) }

    /// What every run has without a measurement.
    static let ofTraining = [
        StudyMetric("parameters", .count), StudyMetric("tokens", .count), StudyMetric("tokensPerSecond", .count),
        StudyMetric("peakBytes", .bytes),
    ]

    /// Whether it says how good a model is, so that differences mean something.
    var isQuality: Bool { unit != .count && unit != .bytes }

    /// Of a head after the first; the 8 of `tokensPerForward@0.8` is none.
    var head: Int? { name.contains("@") ? nil : name.split(separator: ".").last.flatMap { Int($0) } }

    /// In a table's heading.
    var title: String {
        let words = [
            "bitsPerByte": "bits/byte", "tokensPerForward": "tokens/forward", "tokensPerSecond": "tokens/s",
            "peakBytes": "peak", "speedUp": "speed-up",
        ]
        for (key, word) in words where name == key || name.hasPrefix(key + "@") || name.hasPrefix(key + ".") {
            let rest = name.dropFirst(key.count)
            return word + (rest.first == "." ? " " + rest.dropFirst() : rest.replacing("@", with: " T "))
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

    /// A difference, with its sign, and one digit more than the values have.
    func difference(_ value: Double) -> String {
        let sign = value < 0 ? "−" : "+"
        let size = abs(value)
        return switch unit {
        case .bits: sign + Formatting.fixed(size, 4)
        case .loss: sign + Formatting.fixed(size, 5)
        case .share: sign + Formatting.fixed(size * 100, 2)
        case .ratio, .times: sign + Formatting.fixed(size, 3)
        case .count, .bytes: sign + text(size)
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
