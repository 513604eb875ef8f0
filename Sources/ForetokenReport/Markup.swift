/// Text for HTML and SVG.
enum Markup {
    /// A text as content or attribute; what XML 1.0 forbids, such as control characters, becomes U+FFFD.
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

    /// A text of at most so many characters, its middle left out.
    static func shortened(_ text: String, to length: Int) -> String {
        guard text.count > length else { return text }
        let kept = max(1, length) - 1
        return text.prefix(kept - kept / 2) + "…" + text.suffix(kept / 2)
    }

    /// A text in lines of at most so many characters, cut between words where they are not longer than a line.
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

    /// A coordinate with at most two digits after the point.
    static func coordinate(_ value: Double) -> String {
        guard abs(value) < 1e9 else { return "0" }
        let hundredths = Int((value * 100).rounded())
        let (whole, rest) = (abs(hundredths) / 100, abs(hundredths) % 100)
        let fraction = rest == 0 ? "" : rest % 10 == 0 ? ".\(rest / 10)" : rest < 10 ? ".0\(rest)" : ".\(rest)"
        return (hundredths < 0 ? "-" : "") + "\(whole)" + fraction
    }
}
