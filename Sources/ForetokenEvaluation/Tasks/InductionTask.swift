public import ForetokenText

/// Induction (arXiv 2404.19737, section 4.1): stories with recurring names of exactly two tokens. After the first occurrence of a
/// name, its second token can be predicted from the first.
///
/// A name is a pair of syllables or letters, drawn for every story, so that its first token alone does not predict the second.
/// Training and test stories draw from the same names: with disjoint sets, a model would learn that the pairs of the test set
/// never occur.
public struct InductionTask: SyntheticTask {
    /// A name as the texts of its two tokens, without the preceding space, which may be part of the first token.
    struct Name: Sendable, Equatable {
        let first: String
        let second: String
        var text: String { first + second }
    }

    /// The number of stories of a test.
    public let stories: Int
    private let tokenizer: any Tokenizer
    private let names: [Name]

    /// With fewer names, guessing would be correct too often.
    private static let fewestNames = 100

    /// The task's name.
    public var name: String { "induction" }

    /// Creates a task for a tokenizer; the default number of stories is the paper's.
    ///
    /// - Throws: ``EvaluationError/invalid(_:)`` if the tokenizer encodes too few names as two tokens.
    public init(tokenizer: any Tokenizer, stories: Int = 100) throws {
        guard (1...100_000).contains(stories) else {
            throw EvaluationError.invalid("--stories \(stories): must be 1 to 100000")
        }
        (self.tokenizer, self.stories) = (tokenizer, stories)
        // The byte tokenizer encodes a name of syllables as four tokens, a name of letters as two.
        let choices = [Self.syllableNames, Self.letterNames].lazy.map { texts in
            texts.compactMap { Self.name($0, tokenizer) }
        }
        guard let names = choices.first(where: { $0.count >= Self.fewestNames })
        else {
            throw EvaluationError.invalid(
                "tokenizer '\(tokenizer.name)' encodes too few names as two tokens; use bytes, or a smaller vocabulary")
        }
        self.names = names
    }

    /// Pairs of syllables, such as `Dalo`.
    static let syllableNames: [String] = {
        let consonants = ["b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z"]
        let syllables = consonants.flatMap { consonant in ["a", "e", "i", "o", "u"].map { consonant + $0 } }
        return syllables.flatMap { first in
            syllables.map { first.prefix(1).uppercased() + first.dropFirst() + $0 }
        }
    }()

    /// Pairs of letters, such as `Zu`.
    static let letterNames: [String] = {
        let letters = "abcdefghijklmnopqrstuvwxyz".map(String.init)
        return letters.flatMap { first in letters.map { first.uppercased() + $0 } }
    }()

    /// Splits a name into its two tokens as they occur after a space; nil unless these are two tokens of equal length, and the
    /// first part alone is encoded as the same token.
    static func name(_ text: String, _ tokenizer: any Tokenizer) -> Name? {
        let whole = tokenizer.encode(" " + text)
        guard whole.count >= 2, let last = whole.last else { return nil }
        let second = String(decoding: tokenizer.bytes(of: last), as: UTF8.self)
        let first = String(text.dropLast(second.count))
        guard text == first + second, first.count == second.count else { return nil }
        // The space is either a separate token or part of the first one.
        let start = tokenizer.encode(" " + first)
        guard start.count == 1 || start.count == 2 && tokenizer.bytes(of: start[0]) == [0x20],
            start + [last] == whole, tokenizer.encode(second) == [last]
        else { return nil }
        return Name(first: first, second: second)
    }

    /// Trains a byte-level BPE tokenizer on stories with names of syllables, in which syllables become tokens before whole names.
    ///
    /// - Throws: `TokenizerError`.
    public static func trainTokenizer(vocabulary: Int) throws -> any Tokenizer {
        var training = try BytePairTraining(vocabularySize: vocabulary)
        var generator = SeededGenerator(seed: 0)
        for _ in 0..<20_000 {
            let pair = [generator.pick(syllableNames), generator.pick(syllableNames)]
            let story = StoryGrammar.story(middles: 6, using: &generator)
            training.add(Array(story.map { text($0, pair) }.joined().utf8))
        }
        return try training.train()
    }

    private static func text(_ piece: StoryGrammar.Piece, _ names: [String]) -> String {
        switch piece {
        case .words(let text): text
        case .name(let index): names[index]
        }
    }

    /// A story and its two names.
    private func story(_ generator: inout SeededGenerator) -> (pieces: [StoryGrammar.Piece], names: [Name]) {
        let one = generator.below(names.count)
        let other = (one + 1 + generator.below(names.count - 1)) % names.count
        return (StoryGrammar.story(middles: 4 + generator.below(5), using: &generator), [names[one], names[other]])
    }

    /// A random story. Validation stories differ from training stories only by their seed.
    public func document(isValidation: Bool, using generator: inout SeededGenerator) -> String {
        let (pieces, names) = story(&generator)
        return pieces.map { Self.text($0, names.map(\.text)) }.joined()
    }

    /// One question for each repeated mention of a name: the text up to its first token, and the second token as answer.
    public func test(seed: UInt64) throws -> [TaskQuestion] {
        var generator = SeededGenerator(seed: seed, for: "test")
        var questions: [TaskQuestion] = []
        for unit in 0..<stories {
            let (pieces, names) = story(&generator)
            var text = ""
            var seen: Set<Int> = []
            for piece in pieces {
                switch piece {
                case .words(let words): text += words
                case .name(let index):
                    let name = names[index]
                    if !seen.insert(index).inserted {
                        let prompt = text + name.first
                        guard
                            tokenizer.encode(prompt) + tokenizer.encode(name.second)
                                == tokenizer.encode(prompt + name.second)
                        else {
                            throw EvaluationError.invalid(
                                "tokenizer '\(tokenizer.name)' splits a name differently inside a text; use bytes")
                        }
                        questions.append(TaskQuestion(prompt: prompt, answer: name.second, unit: unit))
                    }
                    text += name.text
                }
            }
        }
        return questions
    }
}
