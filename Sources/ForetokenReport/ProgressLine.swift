import Foundation

/// Progress on standard error: on a terminal one line that is rewritten, otherwise a line per 10% of the work. Lines are
/// dropped while standard error is blocked, so progress output never delays the work.
public final class ProgressLine {
    private let total: Int
    private var shown = -1
    private var isOpen = false

    /// Creates a progress line for `total` steps.
    public init(total: Int) { self.total = total }

    /// Shows the state after a training step. `losses`: per head, NaN for a disabled head.
    public func update(step: Int, tokensPerSecond: Double, losses: [Double], secondsLeft: Double) {
        show(
            step,
            Self.line(
                step: step, total: total, tokensPerSecond: tokensPerSecond, losses: losses, secondsLeft: secondsLeft))
    }

    /// Shows the caller's line for step `step`.
    public func show(_ step: Int, _ line: String) {
        if Terminal.isInteractive {
            guard Terminal.isWritable else { return }
            Terminal.write("\r\u{1B}[K\(line.prefix(Terminal.width - 1))")
            isOpen = true
        } else if step * 10 / max(1, total) != shown, Terminal.offer(line) {
            shown = step * 10 / max(1, total)
        }
    }

    /// Terminates the line, so that further output starts on a new one.
    public func finish() {
        if isOpen { Terminal.log("") }
        isOpen = false
    }

    /// The text of a training step: step, throughput, remaining time, and the loss of each head.
    public static func line(
        step: Int, total: Int, tokensPerSecond: Double, losses: [Double], secondsLeft: Double
    ) -> String {
        let heads = losses.map { $0.isNaN ? "-" : String(format: "%.3f", $0) }.joined(separator: " ")
        return "step \(step)/\(total)  \(Formatting.count(tokensPerSecond)) tokens/s  "
            + "\(Formatting.duration(secondsLeft)) left  loss \(heads)"
    }
}

/// Human-readable numbers.
public enum Formatting {
    /// 1234567 as `1.23M`.
    public static func count(_ value: Double) -> String { scaled(value, 1000, ["", "k", "M", "G", "T"]) }

    /// 1234567 as `1.18 MiB`.
    public static func bytes(_ value: Double) -> String { scaled(value, 1024, [" B", " KiB", " MiB", " GiB", " TiB"]) }

    /// Seconds as `12s`, `3m12s` or `2h05m`.
    public static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "?" }
        let whole = Int(seconds.rounded())
        if whole < 60 { return "\(whole)s" }
        if whole < 3600 { return "\(whole / 60)m" + String(format: "%02ds", whole % 60) }
        return "\(whole / 3600)h" + String(format: "%02dm", whole / 60 % 60)
    }

    /// 0.1234 as `12.3%`.
    public static func percent(_ value: Double) -> String { String(format: "%.1f%%", value * 100) }

    /// A number with `digits` decimals; `n/a` for NaN.
    public static func fixed(_ value: Double, _ digits: Int) -> String {
        value.isNaN ? "n/a" : String(format: "%.\(digits)f", value)
    }

    /// 0.00012 as `1.2e-04`.
    public static func scientific(_ value: Double) -> String { String(format: "%.1e", value) }

    private static func scaled(_ value: Double, _ base: Double, _ units: [String]) -> String {
        var (value, unit) = (value, 0)
        while abs(value) >= base, unit < units.count - 1 { (value, unit) = (value / base, unit + 1) }
        return unit == 0 && value == value.rounded()
            ? String(format: "%.0f", value) + units[0] : String(format: "%.3g", value) + units[unit]
    }
}
