import Foundation

/// What became of the drafts at every position of recorded texts.
///
/// A text does not depend on the number of drafts, greedy or sampled, so this is all that a policy's passes depend on.
struct DraftRecording: Codable {
    /// The model, in words.
    let model: String
    let temperature: Double
    /// Prediction heads, head 1 included.
    let heads: Int
    let prompts: [String]
    /// For each prompt, a digit for each position of the text after its first token: how many of the heads − 1 drafts
    /// proposed there are accepted.
    var accepted: [String]

    /// The accepted drafts by text and position.
    var acceptedDrafts: [[Int]] { accepted.map { $0.compactMap(\.wholeNumberValue) } }

    static func load(_ name: String) throws -> DraftRecording { try Fixtures.load(name) }
}

/// Measured times of passes and of drafting, round by round: each round measures everything once, so that what slows the
/// machine for a while slows a round's times together.
struct PassTimeRecording: Codable {
    /// The model, in words.
    let model: String
    let processor: String
    let threads: Int
    /// Tokens in the cache before each pass.
    let filled: Int
    /// One sequence.
    var single: PassTimes
    /// Several sequences in each pass.
    var batch: PassTimes

    static func load(_ name: String) throws -> PassTimeRecording { try Fixtures.load(name) }
}

/// Times in tenths of a microsecond, for passes of a number of sequences.
struct PassTimes: Codable {
    let sequences: Int
    /// By the tokens of a pass, from one for each sequence on, then by round.
    var passes: [[Int]]
    /// By the sequences that draft, from 1 on, then by the drafts of each, from 1 on, then by round.
    var drafting: [[[Int]]]

    var rounds: Int { passes[0].count }

    /// Seconds of a pass in a round.
    func seconds(tokens: Int, round: Int) -> Double { Double(passes[tokens - sequences][round % rounds]) * 1e-7 }

    /// Seconds of drafting in a round, where the sequence that drafts most gets `length` drafts.
    func draftingSeconds(sequences: Int, length: Int, round: Int) -> Double {
        sequences == 0 ? 0 : Double(drafting[sequences - 1][length - 1][round % rounds]) * 1e-7
    }
}

/// Times of passes of one token back to back beside another program, in tenths of a microsecond.
///
/// A machine that is busy with other work now and then takes a pass of any width longer: by the share of the time that it
/// gives away, not by a factor of the pass. So the times are read as progress: each is the work of one quiet pass.
struct InterferenceRecording: Codable {
    /// What a pass takes undisturbed: the lower fifth of the times.
    var quiet: Int
    var passes: [Int]

    static func load() throws -> InterferenceRecording { try Fixtures.load("interference") }
}

/// The files in `Fixtures/draft-length`; `README.md` there says how they were made.
enum Fixtures {
    struct Missing: Error { let name: String }

    static func load<Recording: Decodable>(_ name: String) throws -> Recording {
        guard let url = Bundle.module.url(forResource: "Fixtures/draft-length/\(name)", withExtension: "json") else {
            throw Missing(name: name)
        }
        return try JSONDecoder().decode(Recording.self, from: Data(contentsOf: url))
    }
}
