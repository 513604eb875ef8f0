import Foundation

/// Progress on standard error: one line that is rewritten on a terminal, else a line for every tenth of the work. While nobody
/// reads it is left out, so that the work does not wait.
public final class ProgressLine {
    private let total: Int
    private var shown = -1
    private var isOpen = false

    /// Progress over so many steps.
    public init(total: Int) { self.total = total }

    /// Shows a step.
    public func update(step: Int, tokensPerSecond: Double, losses: [Double], secondsLeft: Double) {
        show(
            step,
            Self.line(
                step: step, total: total, tokensPerSecond: tokensPerSecond, losses: losses, secondsLeft: secondsLeft))
    }

    /// Shows a line of one's own for a state of the work.
    public func show(_ step: Int, _ line: String) {
        if Terminal.isInteractive {
            guard Terminal.isWritable else { return }
            Terminal.write("\r\u{1B}[K\(line.prefix(Terminal.width - 1))")
            isOpen = true
        } else if step * 10 / max(1, total) != shown, Terminal.offer(line) {
            shown = step * 10 / max(1, total)
        }
    }

    /// Ends the line, so that other output starts on its own.
    public func finish() {
        if isOpen { Terminal.log("") }
        isOpen = false
    }

    /// The text of a step.
    public static func line(
        step: Int, total: Int, tokensPerSecond: Double, losses: [Double], secondsLeft: Double
    ) -> String {
        // A head that is switched off has no loss.
        let heads = losses.map { $0.isNaN ? "-" : String(format: "%.3f", $0) }.joined(separator: " ")
        return "step \(step)/\(total)  \(Formatting.count(tokensPerSecond)) tokens/s  "
            + "\(Formatting.duration(secondsLeft)) left  loss \(heads)"
    }
}

/// Numbers for people.
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

    /// A number with so many digits after the point.
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
