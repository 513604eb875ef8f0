extension String {
    /// The string in single quotes, safe to print; see ``shortenedForMessage(limit:)``.
    package func quotedForMessage(limit: Int = 100) -> String {
        "'\(shortenedForMessage(limit: limit))'"
    }

    /// The string made safe to print: control characters are escaped and the text is truncated to `limit` characters, since a
    /// name from a hostile file may contain terminal escapes or be a hundred megabytes long.
    package func shortenedForMessage(limit: Int) -> String {
        var result = ""
        for (count, scalar) in unicodeScalars.enumerated() {
            if count == limit {
                return result + "…"
            }
            if scalar.properties.generalCategory == .control {
                result += "\\u{" + String(scalar.value, radix: 16) + "}"
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
