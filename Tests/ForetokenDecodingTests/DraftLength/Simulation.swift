@testable import ForetokenDecoding

/// Decodes recorded texts at recorded times, pass by pass as `DecodeEngine` does, with the real policy or a fixed draft length.
///
/// Prompts cost nothing: they are the same whatever the drafts.
struct Simulation {
    /// For every text, how many drafts would be accepted at each position.
    let texts: [[Int]]
    let times: any SimulatedTimes
    /// Sequences in each pass.
    let sequences: Int
    /// The most drafts, those of the recorded texts.
    let longest: Int

    struct Outcome {
        var tokens = 0
        var seconds = 0.0
        var passes = 0
        var drafts = 0
        var tokensPerSecond: Double { Double(tokens) / seconds }
    }

    /// A text being decoded.
    private final class Text {
        let accepted: [Int]
        let acceptance: AcceptanceModel
        var position = 0
        init(_ accepted: [Int], _ acceptance: AcceptanceModel) {
            (self.accepted, self.acceptance) = (accepted, acceptance)
        }
        /// As `DecodingSequence.usefulDrafts`: the last token is head 1's own.
        func limit(_ longest: Int) -> Int { min(longest, accepted.count - position - 1) }
    }

    /// Every sequence gets as many drafts, in every pass.
    func fixed(_ length: Int) -> Outcome {
        run(AcceptanceModel.Constants(), policy: nil) { $0.map { min(length, $0.limit) } }
    }

    func adaptive(
        _ constants: DraftLengthPolicy.Constants = .init(), _ acceptance: AcceptanceModel.Constants = .init()
    ) -> Outcome {
        let policy = DraftLengthPolicy(constants: constants)
        return run(acceptance, policy: policy, choose: policy.draftCounts)
    }

    private func run(
        _ constants: AcceptanceModel.Constants, policy: DraftLengthPolicy?,
        choose: ([DraftLengthPolicy.Sequence]) -> [Int]
    ) -> Outcome {
        var waiting = texts.filter { !$0.isEmpty }.makeIterator()
        var running: [Text] = []
        var outcome = Outcome()
        while true {
            while running.count < sequences, let next = waiting.next() {
                running.append(Text(next, AcceptanceModel(length: longest, constants: constants)))
            }
            // The last texts would run in smaller batches, of which there are no times.
            guard running.count == sequences else { return outcome }
            let counts = choose(
                running.map {
                    DraftLengthPolicy.Sequence(
                        acceptance: $0.acceptance, limit: $0.limit(longest), isAdaptive: true)
                })
            let drafted = times.draftingSeconds(counts, pass: outcome.passes, time: outcome.seconds)
            policy?.recordDrafting(counts, seconds: drafted)
            outcome.seconds += drafted
            let tokens = running.count + counts.reduce(0, +)
            let passed = times.passSeconds(tokens: tokens, pass: outcome.passes, time: outcome.seconds)
            policy?.recordPass(tokens: tokens, seconds: passed)
            outcome.seconds += passed
            outcome.passes += 1
            for (text, count) in zip(running, counts) {
                let accepted = min(text.accepted[text.position], count)
                text.acceptance.update(accepted: accepted, of: count)
                text.position += 1 + accepted
                outcome.tokens += 1 + accepted
                outcome.drafts += count
            }
            running.removeAll { $0.position >= $0.accepted.count }
        }
    }
}

/// How long passes take in a ``Simulation``.
protocol SimulatedTimes {
    /// - Parameters:
    ///   - pass: passes before this one.
    ///   - time: seconds since the first one began.
    func passSeconds(tokens: Int, pass: Int, time: Double) -> Double
    func draftingSeconds(_ counts: [Int], pass: Int, time: Double) -> Double
}

/// A recording, round by round: pass number t takes the times of round t.
///
/// Times above three times the median of their size are left out: they are time slices of other programs, ten a recording, that hit
/// whatever ran. Replayed as they are, each would come back every few rounds at the size that it happened to hit, and nowhere
/// else. ``InterruptedTimes`` has such slices as they come, by time.
struct ReplayedTimes: SimulatedTimes {
    private let passes: [[Double]]
    private let drafting: [[[Double]]]
    private let sequences: Int
    private let firstRound: Int

    init(_ recorded: PassTimes, firstRound: Int = 0) {
        func seconds(_ rounds: [Int]) -> [Double] {
            let median = rounds.sorted()[rounds.count / 2]
            return rounds.map { Double($0 > 3 * median ? median : $0) * 1e-7 }
        }
        passes = recorded.passes.map(seconds)
        drafting = recorded.drafting.map { $0.map(seconds) }
        sequences = recorded.sequences
        self.firstRound = firstRound
    }

    func passSeconds(tokens: Int, pass: Int, time: Double) -> Double {
        let rounds = passes[tokens - sequences]
        return rounds[(firstRound + pass) % rounds.count]
    }

    func draftingSeconds(_ counts: [Int], pass: Int, time: Double) -> Double {
        guard let longest = counts.max(), longest > 0 else { return 0 }
        let rounds = drafting[counts.count { $0 > 0 } - 1][longest - 1]
        return rounds[(firstRound + pass) % rounds.count]
    }
}

/// The medians of a recording, on a machine that another program slows down now and then, as recorded.
struct InterruptedTimes: SimulatedTimes {
    private let passes: [Double]
    private let drafting: [[Double]]
    private let sequences: Int
    private let quiet: Double
    /// When each recorded pass ended.
    private let ends: [Double]
    /// Where in the recording the first pass begins.
    private let offset: Double

    /// - Parameter offset: where in the recording the first pass begins, from 0 to 1.
    init(_ recorded: PassTimes, _ interference: InterferenceRecording, offset: Double) {
        func median(_ rounds: [Int]) -> Double { Double(rounds.sorted()[rounds.count / 2]) * 1e-7 }
        passes = recorded.passes.map(median)
        drafting = recorded.drafting.map { $0.map(median) }
        sequences = recorded.sequences
        quiet = Double(interference.quiet) * 1e-7
        var end = 0.0
        ends = interference.passes.map {
            end += Double($0) * 1e-7
            return end
        }
        self.offset = offset * end
    }

    func passSeconds(tokens: Int, pass: Int, time: Double) -> Double {
        duration(passes[tokens - sequences], from: offset + time)
    }

    func draftingSeconds(_ counts: [Int], pass: Int, time: Double) -> Double {
        guard let longest = counts.max(), longest > 0 else { return 0 }
        return duration(drafting[counts.count { $0 > 0 } - 1][longest - 1], from: offset + time)
    }

    /// How long it takes from a time on to do what takes `work` seconds on the quiet machine. The recording repeats.
    private func duration(_ work: Double, from time: Double) -> Double {
        guard let length = ends.last else { return work }
        let laps = (time / length).rounded(.down)
        let start = time - laps * length
        // The recorded pass that goes on at this time, and how far it has come.
        var index = ends.firstIndex { $0 > start } ?? 0
        func begin(_ index: Int) -> Double { index == 0 ? 0 : ends[index - 1] }
        var now = start
        var left = work
        while true {
            let rate = quiet / (ends[index] - begin(index))
            let rest = (ends[index] - now) * rate
            if rest >= left { return now + left / rate - start }
            left -= rest
            // After the end, from the beginning again.
            if index + 1 == ends.count { return ends[index] - start + duration(left, from: 0) }
            now = ends[index]
            index += 1
        }
    }
}
