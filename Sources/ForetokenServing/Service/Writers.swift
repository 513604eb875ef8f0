import ForetokenDecoding

extension CompletionWriter: AnswerWriter {
    var end: String? { EventStream.done }

    func whole(_ choices: [Choice], _ results: AnswerResults) -> String {
        response(choices, usage: results.usage, timings: results.timings)
    }

    mutating func last(_ part: Choice, _ results: AnswerResults) -> String? { chunk(part, timings: results.timings) }
}

extension ChatWriter: AnswerWriter {
    var end: String? { EventStream.done }

    func whole(_ choices: [Choice], _ results: AnswerResults) -> String {
        response(choices, usage: results.usage, timings: results.timings)
    }

    mutating func last(_ part: Choice, _ results: AnswerResults) -> String? { chunk(part, timings: results.timings) }
}

extension InfillWriter: AnswerWriter {
    var end: String? { nil }

    func whole(_ choices: [Choice], _ results: AnswerResults) -> String {
        end(
            choices.flatMap(\.pieces), reason: results.statistics.stopReason ?? .maximumTokens,
            stoppingWord: results.statistics.stopString, usage: results.usage, timings: results.timings)
    }

    func chunk(_ part: Choice, timings: Timings?) -> String? { chunk(part.pieces, timings: timings) }

    func last(_ part: Choice, _ results: AnswerResults) -> String? { whole([part], results) }

    func usageChunk(_ usage: Usage) -> String? { nil }
}
