public import ForetokenText

/// Induction (arXiv 2404.19737, section 4.1; reference, section 2.7): stories in which names of exactly two tokens come again
/// and again. Whoever saw a name once knows its second token from the first.
///
/// A name is a pair of syllables or of letters that is drawn anew for every story, so that its first token alone says nothing
/// of the second. Names are not divided between training and tests: a model would learn which pairs never come, and give
/// those of the tests no chance.
public struct InductionTask: SyntheticTask {
    /// A name as its two tokens' texts; the first is without the space before it, which may belong to its token.
    struct Name: Sendable, Equatable {
        let first: String
        let second: String
        var text: String { first + second }
    }

    /// Stories of a test.
    public let stories: Int
    private let tokenizer: any Tokenizer
    private let names: [Name]

    /// With fewer, guessing would be right too often.
    private static let fewestNames = 100

    /// The task's name.
    public var name: String { "induction" }

    /// A task for texts of a tokenizer; a test of the paper's 100 stories.
    ///
    /// - Throws: ``EvaluationError/invalid(_:)`` for a tokenizer that has too few names of two tokens.
    public init(tokenizer: any Tokenizer, stories: Int = 100) throws {
        guard (1...100_000).contains(stories) else {
            throw EvaluationError.invalid("--stories \(stories): must be 1 to 100000")
        }
        (self.tokenizer, self.stories) = (tokenizer, stories)
        // Bytes make four tokens of a name of syllables, but two of one of letters.
        let choices = [Self.syllableNames, Self.letterNames].lazy.map { texts in
            texts.compactMap { Self.name($0, tokenizer) }
        }
        guard let names = choices.first(where: { $0.count >= Self.fewestNames })
        else {
            throw EvaluationError.invalid(
                "tokenizer '\(tokenizer.name)' makes two tokens of too few names; use bytes, or a smaller vocabulary")
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

    /// Cuts a name as the tokenizer does in a text, after a space; nil where that makes other than two tokens of equal length,
    /// or other tokens of its beginning alone.
    static func name(_ text: String, _ tokenizer: any Tokenizer) -> Name? {
        let whole = tokenizer.encode(" " + text)
        guard whole.count >= 2, let last = whole.last else { return nil }
        let second = String(decoding: tokenizer.bytes(of: last), as: UTF8.self)
        let first = String(text.dropLast(second.count))
        guard text == first + second, first.count == second.count else { return nil }
        // The space has a token of its own, or is part of the first.
        let start = tokenizer.encode(" " + first)
        guard start.count == 1 || start.count == 2 && tokenizer.bytes(of: start[0]) == [0x20],
            start + [last] == whole, tokenizer.encode(second) == [last]
        else { return nil }
        return Name(first: first, second: second)
    }

    /// A byte-level BPE for such stories, whose names are of syllables: the syllables become tokens before whole names do.
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

    /// A story; those to validate on are others by their seed alone.
    public func document(isValidation: Bool, using generator: inout SeededGenerator) -> String {
        let (pieces, names) = story(&generator)
        return pieces.map { Self.text($0, names.map(\.text)) }.joined()
    }

    /// Of every story, each mention of a name after its first: the text up to the name's first token, and the second token.
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
                                "tokenizer '\(tokenizer.name)' cuts a name otherwise inside a text; use bytes")
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
