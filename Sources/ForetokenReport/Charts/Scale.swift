import Foundation

/// The unit of an axis, and with it the format of its values.
public enum ChartUnit: String, Sendable {
    /// Without a unit.
    case number
    /// With the suffixes k, M, G.
    case count
    /// With the suffixes KiB, MiB, GiB.
    case bytes
    /// 0.5 as 50%.
    case percent
    /// 1.5 as 1.5×.
    case ratio

    /// A value with three or four significant digits.
    public func text(_ value: Double) -> String {
        switch self {
        case .number: String(format: "%.4g", value)
        case .count: Formatting.count(value)
        case .bytes: Formatting.bytes(value)
        case .percent: String(format: "%.3g%%", value * 100)
        case .ratio: String(format: "%.3g×", value)
        }
    }

    /// A value for a line label or a table cell, with a fixed number of decimals so that neighbouring values align;
    /// integers have none.
    public func label(_ value: Double) -> String {
        switch self {
        case .number where value == value.rounded() && abs(value) < 1e6: Formatting.fixed(value, 0)
        case .number where (0.1..<1000).contains(abs(value)): Formatting.fixed(value, 3)
        case .percent where value.isFinite: Formatting.percent(value)
        case .ratio where value.isFinite && abs(value) < 1000: Formatting.fixed(value, 2) + "×"
        default: text(value)
        }
    }
}

/// A linear or logarithmic mapping from values to pixels, and its ticks.
struct Scale {
    let low: Double
    let high: Double
    let isLogarithmic: Bool
    let pixels: (Double, Double)

    /// Covers the values plus `padding`, a fraction of their range, at both ends. Falls back to a linear scale unless all
    /// values are positive.
    init(_ values: [Double], logarithmic: Bool, includesZero: Bool, padding: Double, pixels: (Double, Double)) {
        let (least, greatest) = (values.min() ?? 0, values.max() ?? 1)
        isLogarithmic = logarithmic && least > 0
        self.pixels = pixels
        if isLogarithmic {
            // In logarithms, since the ratio of two doubles can overflow.
            let span = log10(greatest) - log10(least)
            let factor = span > 1e-9 ? pow(10, span * padding) : 1.5
            (low, high) = (max(least / factor, 1e-305), min(max(greatest * factor, 2e-305), 1e305))
        } else {
            var (bottom, top) = includesZero ? (min(0, least), max(0, greatest)) : (least, greatest)
            // Values that differ by rounding only count as equal.
            let areEqual = top - bottom <= 1e-12 * max(abs(top), abs(bottom))
            let margin = areEqual ? (top == 0 ? 1 : abs(top) * 0.1) : (top - bottom) * padding
            if !(includesZero && bottom == 0) || areEqual && top <= 0 { bottom -= margin }
            if !(includesZero && top == 0) || areEqual { top += margin }
            (low, high) = (bottom, top)
        }
    }

    func callAsFunction(_ value: Double) -> Double {
        let fraction =
            isLogarithmic
            ? (log(max(value, .leastNormalMagnitude)) - log(low)) / (log(high) - log(low))
            : (value - low) / (high - low)
        return pixels.0 + (fraction.isFinite ? min(max(fraction, -1), 2) : 0) * (pixels.1 - pixels.0)
    }

    /// About `count` round values inside the range.
    func ticks(about count: Int, unit: ChartUnit) -> [Double] {
        guard isLogarithmic, high / low >= 8 else { return linearTicks(about: count, unit: unit) }
        let decades = Int(log10(low).rounded(.down))...Int(log10(high).rounded(.up))
        let span = log10(high) - log10(low)
        let stride = max(1, Int((span / Double(max(1, count))).rounded(.up)))
        let digits = span <= 1.7 ? [1.0, 2, 5] : span <= 3 ? [1.0, 3] : [1.0]
        return decades.filter { $0 % stride == 0 }
            .flatMap { decade in digits.map { $0 * pow(10, Double(decade)) } }.filter { $0 >= low && $0 <= high }
    }

    private func linearTicks(about count: Int, unit: ChartUnit) -> [Double] {
        // Round byte counts are multiples of powers of 1024.
        let magnitude = max(abs(low), abs(high))
        let base = unit == .bytes && magnitude >= 1024 ? pow(1024, (log(magnitude) / log(1024)).rounded(.down)) : 1
        let rough = (high - low) / Double(max(1, count)) / base
        guard rough > 0, rough.isFinite else { return [] }
        let power = pow(10, log10(rough).rounded(.down))
        let step = ([1, 2, 5].first { $0 * power >= rough * 0.8 } ?? 10) * power * base
        let first = (low / step).rounded(.up)
        let ticks = (0..<20).map { (first + Double($0)) * step }.filter { $0 >= low && $0 <= high }
        // A step below the resolution of doubles gives equal ticks.
        return ticks.indices.filter { $0 == 0 || ticks[$0] > ticks[$0 - 1] }.map { ticks[$0] }
    }

    /// The ticks' labels, all with the same number of decimals.
    func labels(_ ticks: [Double], unit: ChartUnit) -> [String] {
        guard unit == .number || unit == .percent || unit == .ratio, !isLogarithmic || high / low < 8, ticks.count > 1
        else { return ticks.map(unit.text) }
        let (factor, suffix) = unit == .percent ? (100.0, "%") : (1, unit == .ratio ? "×" : "")
        let step = (ticks[1] - ticks[0]) * factor
        let digits = Int(max(0, (-log10(step) - 1e-9).rounded(.up)))
        guard digits <= 4, abs(ticks[ticks.count - 1]) < 1e6 else {
            let significant = max(2, Int(log10(max(abs(low), abs(high)) * factor / step).rounded(.up)) + 1)
            return ticks.map { String(format: "%.\(min(12, significant))g", $0 * factor) + suffix }
        }
        return ticks.map { String(format: "%.\(digits)f", $0 * factor) + suffix }
    }
}
