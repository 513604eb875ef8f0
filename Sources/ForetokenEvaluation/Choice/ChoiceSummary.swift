public import ForetokenFiles
public import ForetokenReport

/// How often the likeliest choice is the right one, with 90 % bootstrap intervals over questions.
public struct ChoiceSummary: Sendable {
    /// What a choice's log-likelihood is divided by before the highest one is taken.
    public enum Normalization: String, Sendable, CaseIterable {
        /// Nothing: `acc` of lm-evaluation-harness.
        case none
        /// The bytes of the choice in UTF-8.
        case bytes
        /// The characters (code points) of the choice: `acc_norm` of lm-evaluation-harness. Equal to bytes for ASCII.
        case characters

        func length(of choice: String) -> Int {
            switch self {
            case .none: 1
            case .bytes: choice.utf8.count
            case .characters: choice.unicodeScalars.count
            }
        }

        var name: String {
            switch self {
            case .none: "accuracy"
            case .bytes: "accuracyPerByte"
            case .characters: "accuracyPerCharacter"
            }
        }

        var words: String {
            switch self {
            case .none: "log-likelihood"
            case .bytes: "log-likelihood per byte"
            case .characters: "log-likelihood per character"
            }
        }
    }

    /// The number of questions.
    public let questions: Int
    /// The accuracy by each normalisation.
    public let accuracies: [Normalization: PassAtK.Estimate]

    /// Computes the summary. `seed` decides the resampling of the intervals.
    public init(_ questions: [ChoiceQuestion], logLikelihoods: [[Double]], seed: UInt64 = 0) {
        self.questions = questions.count
        var accuracies: [Normalization: PassAtK.Estimate] = [:]
        for normalization in Normalization.allCases {
            let hits = zip(questions, logLikelihoods).map { question, values in
                Self.choice(of: question, values, normalization) == question.answer ? 1.0 : 0.0
            }
            accuracies[normalization] = PassAtK.bootstrap(hits, seed: seed)
        }
        self.accuracies = accuracies
    }

    /// The index of the likeliest choice, the first of equal ones.
    static func choice(of question: ChoiceQuestion, _ values: [Double], _ normalization: Normalization) -> Int? {
        let scores = zip(question.choices, values).map { $1 / Double(normalization.length(of: $0)) }
        return scores.indices.max { scores[$0] < scores[$1] || scores[$0] == scores[$1] && $0 > $1 }
    }

    /// The accuracies in percent.
    public var table: TextTable {
        var table = TextTable(["likeliest choice by", "questions", "accuracy, % [90 % CI]"])
        for normalization in Normalization.allCases {
            table.add([normalization.words, "\(questions)", PassSummary.text(accuracies[normalization])])
        }
        return table
    }

    /// `questions`, and for each normalisation the accuracy and its interval.
    public var json: JSONObject {
        var result = JSONObject()
        result["questions"] = .integer(questions)
        for normalization in Normalization.allCases {
            guard let estimate = accuracies[normalization] else { continue }
            result[normalization.name] = .finite(estimate.value)
            result["\(normalization.name) interval"] = [.finite(estimate.low), .finite(estimate.high)]
        }
        return result
    }
}
