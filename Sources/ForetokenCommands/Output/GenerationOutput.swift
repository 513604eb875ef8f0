import ForetokenDecoding
import ForetokenFiles
import ForetokenReport

/// A continuation with its counts.
struct GenerationOutput {
    let text: String
    let statistics: GenerationStatistics

    var jsonLine: String {
        get throws {
            var object = JSONObject()
            object["text"] = .string(text)
            object["tokens"] = .array(statistics.tokens.map { .integer(Int($0)) })
            object["forwards"] = .integer(statistics.forwards)
            object["tokensPerForward"] = .finite(statistics.tokensPerForward)
            for (key, value) in statistics.drafts.json { object[key] = value }
            object["tokensPerSecond"] = .finite(statistics.tokensPerSecond)
            object["secondsPerPass"] = .finite(statistics.secondsPerPass)
            object["prefillSeconds"] = .finite(statistics.prefillSeconds)
            object["stopReason"] = .string(statistics.stopReason?.rawValue ?? "interrupted")
            return try JSONValue.object(object).text()
        }
    }

    /// One line for standard error.
    var summary: String {
        "\(statistics.tokens.count) tokens, \(Formatting.fixed(statistics.tokensPerForward, 2)) per forward pass, "
            + "\(Formatting.fixed(statistics.tokensPerSecond, 0)) tokens/s, \(ending)"
    }

    private var ending: String {
        switch statistics.stopReason {
        case .endOfText: "ended by the end-of-text token"
        case .stopString: "ended by a stop string"
        case .maximumTokens: "ended by the token limit"
        case .contextFull: "ended by the end of the context"
        case nil: "interrupted"
        }
    }
}

/// Writes text as it is decoded, accepted drafts in green where the terminal allows.
struct StreamPrinter {
    let isQuiet: Bool
    private let colored = Terminal.allowsColor

    init(isQuiet: Bool) { self.isQuiet = isQuiet }

    func start(_ prompt: String) throws {
        try write(colored ? "\u{1B}[2m\(prompt)\u{1B}[0m" : prompt)
    }

    func show(_ pieces: [TextPiece]) throws {
        for piece in pieces {
            try write(colored && piece.isDraft ? "\u{1B}[32m\(piece.text)\u{1B}[0m" : piece.text)
        }
    }

    func finish() throws { try write("\n") }

    private func write(_ text: String) throws {
        if isQuiet { return }
        print(text, terminator: "")
        try Startup.finishOutput()
    }
}
