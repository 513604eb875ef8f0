public import ForetokenFiles
public import ForetokenReport

/// What completions are compared by.
public enum TextMetric: Sendable, Equatable {
    /// ROUGE-1, 2, 3, L and Lsum, of the best reference.
    case rouge(stems: Bool)
    /// Equality with one of the answers, normalised.
    case exactMatch(AnswerNormalization)
    /// Equality of the final numbers, found by either rule.
    case gsm8k
}

/// The scores of completions: means over examples with 90 % bootstrap intervals over them.
public struct TextSummary: Sendable {
    /// One measure.
    public struct Row: Sendable {
        /// Its name: `rouge1`, `exactMatch`, `strict`.
        public var name: String
        /// Its values; nil for pass@k where an example has fewer than k completions.
        public var values: [(name: String, estimate: PassAtK.Estimate?)]
    }

    /// The rows.
    public let rows: [Row]
    /// Examples with at least one completion; the others do not count.
    public let examples: Int
    /// Completions of all examples.
    public let completions: Int

    /// Scores completions.
    ///
    /// - Parameters:
    ///   - completions: for each example its completions; ROUGE takes their mean, the other metrics their pass@k.
    ///   - examples: the references.
    ///   - metric: what is compared.
    ///   - ks: the k of pass@k.
    ///   - seed: decides the resampling of the intervals.
    public init(
        _ completions: TextCompletions, of examples: [TextExample], metric: TextMetric, ks: [Int] = [1],
        seed: UInt64 = 0
    ) {
        let pairs = zip(completions.texts, examples).filter { !$0.0.isEmpty }.map { (texts: $0, example: $1) }
        (self.examples, self.completions) = (pairs.count, pairs.reduce(0) { $0 + $1.texts.count })
        func passes(_ name: String, _ isCorrect: (String, TextExample) -> Bool) -> Row {
            let counts = pairs.map { pair in
                (of: pair.texts.count, correct: pair.texts.count { isCorrect($0, pair.example) })
            }
            return Row(
                name: name,
                values: Array(Set(ks)).sorted().map { k in
                    let values = counts.compactMap {
                        PassAtK.estimate(completions: $0.of, passed: $0.correct, k: k)
                    }
                    return (
                        "pass@\(k)", values.count == counts.count ? PassAtK.bootstrap(values, seed: seed) : nil
                    )
                })
        }
        switch metric {
        case .rouge(let stems):
            let rouge = Rouge(stems: stems)
            rows = Rouge.Kind.all.map { kind in
                let scores = pairs.map { pair in
                    pair.texts.map { rouge.score($0, references: pair.example.references, kind) }
                }
                func mean(_ name: String, _ value: (Rouge.Score) -> Double) -> (String, PassAtK.Estimate?) {
                    let means = scores.map { $0.reduce(0) { $0 + value($1) } / Double($0.count) }
                    return (name, PassAtK.bootstrap(means, seed: seed))
                }
                return Row(
                    name: kind.name,
                    values: [mean("precision", \.precision), mean("recall", \.recall), mean("f", \.f)])
            }
        case .exactMatch(let normalization):
            rows = [passes("exactMatch") { normalization.matches($0, anyOf: $1.references) }]
        case .gsm8k:
            rows = FinalAnswer.allCases.map { rule in
                passes(rule.rawValue) { text, example in
                    example.references.contains { rule.isCorrect(text, reference: $0) }
                }
            }
        }
    }

    /// The scores in percent.
    public var table: TextTable {
        let names = rows.first?.values.map(\.name) ?? []
        var table = TextTable(["%, [90 % CI]"] + names)
        for row in rows { table.add([row.name] + row.values.map { PassSummary.text($0.estimate) }) }
        return table
    }

    /// `examples`, `completions`, and for each row an object of its values and their intervals.
    public var json: JSONObject {
        var result = JSONObject()
        result["examples"] = .integer(examples)
        result["completions"] = .integer(completions)
        for row in rows {
            var object = JSONObject()
            for (name, estimate) in row.values {
                object[name] = estimate.map { .finite($0.value) } ?? .null
                guard let estimate else { continue }
                object["\(name) interval"] = [.finite(estimate.low), .finite(estimate.high)]
            }
            result[row.name] = .object(object)
        }
        return result
    }
}
