extension String {
    /// The string in single quotes, safe to show; see ``shortenedForMessage(limit:)``.
    package func quotedForMessage(limit: Int = 100) -> String {
        "'\(shortenedForMessage(limit: limit))'"
    }

    /// The string safe to show: control characters escaped and anything beyond `limit` characters cut, because a name
    /// out of a hostile file may hold terminal escapes or a hundred megabytes.
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
