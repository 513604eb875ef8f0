/// Text for HTML and SVG.
enum Markup {
    /// Escapes a text for content or a quoted attribute; characters that XML 1.0 forbids become U+FFFD.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "\t", "\n", " "..."\u{D7FF}", "\u{E000}"..."\u{FFFD}", "\u{10000}"...:
                result.unicodeScalars.append(scalar)
            default: result += "\u{FFFD}"
            }
        }
        return result
    }

    /// Shortens a text to at most `length` characters by replacing its middle with an ellipsis.
    static func shortened(_ text: String, to length: Int) -> String {
        guard text.count > length else { return text }
        let kept = max(1, length) - 1
        return text.prefix(kept - kept / 2) + "…" + text.suffix(kept / 2)
    }

    /// Wraps a text into lines of at most `length` characters; words longer than a line are split.
    static func wrapped(_ text: String, to length: Int) -> [String] {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            var word = word
            if let line = lines.last, line.count + 1 + word.count <= length {
                lines[lines.count - 1] += " " + word
                continue
            }
            while word.count > length {
                lines.append(String(word.prefix(length)))
                word = word.dropFirst(length)
            }
            lines.append(String(word))
        }
        return lines
    }

    /// A coordinate with at most two decimals.
    static func coordinate(_ value: Double) -> String {
        guard abs(value) < 1e9 else { return "0" }
        let hundredths = Int((value * 100).rounded())
        let (whole, part) = (abs(hundredths) / 100, abs(hundredths) % 100)
        let decimals = part == 0 ? "" : part % 10 == 0 ? ".\(part / 10)" : part < 10 ? ".0\(part)" : ".\(part)"
        return (hundredths < 0 ? "-" : "") + "\(whole)" + decimals
    }
}
