import Foundation
import Testing

@testable import ForetokenFormats

/// Pickles of the maximum size, made of the instructions that cost most per byte.
@Suite(.serialized) struct PickleLimitTests {
    private static let tensorFunction = Array("ctorch._utils\n_rebuild_tensor_v2\n".utf8)

    private static func text(_ text: String) -> [UInt8] { [0x58, UInt8(text.utf8.count), 0, 0, 0] + text.utf8 }

    /// Repeats `body` as often as a pickle can be long, `beginning` before it.
    private static func filled(_ beginning: [UInt8], _ body: (Int) -> [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = [0x80, 2] + beginning
        var number = 0
        while bytes.count < PickleMachine.sizeLimit - 100 {
            bytes += body(number)
            number += 1
        }
        return bytes + [0x2E]
    }

    enum Kind: CaseIterable {
        case entries, tensors, storages, tuples, dictionaries, builds, texts, gets

        var pickle: [UInt8] {
            switch self {
            // A key that differs and None, each set by itself.
            case .entries: return filled([0x7D]) { text(String($0, radix: 36)) + [0x4E, 0x73] }
            case .tensors:
                // The function and its arguments in the memo; each tensor is made of them and put into a tuple.
                let storage =
                    [0x28] + text("storage") + Array("ctorch\nFloatStorage\n".utf8) + text("0") + text("cpu")
                    + [0x4B, 2, 0x74, 0x51]
                let arguments =
                    [0x28] + storage + [0x4B, 0] + [0x28, 0x4B, 1, 0x74] + [0x28, 0x4B, 1, 0x74, 0x89]
                    + Array("ccollections\nOrderedDict\n)R".utf8) + [0x74]
                let beginning =
                    PickleLimitTests.tensorFunction + [0x71, 0] + arguments + [0x71, 1, 0x86] + [0x71, 2]
                return filled(beginning) { _ in [0x68, 0, 0x68, 1, 0x52, 0x86] }
            case .storages:
                let tuple =
                    [0x28] + text("storage") + Array("ctorch\nFloatStorage\n".utf8) + text("0") + text("cpu")
                    + [0x4B, 2, 0x74, 0x71, 0]
                return filled(tuple) { _ in [0x68, 0, 0x51, 0x86] }
            case .tuples: return filled([0x4E]) { _ in [0x85] }
            case .dictionaries: return filled([0x4E]) { _ in [0x7D, 0x86] }
            case .builds: return filled([0x7D, 0x71, 0]) { _ in [0x68, 0, 0x62] }
            case .texts: return filled([0x7D]) { _ in text("a") + [0x86] }
            case .gets: return filled([0x7D, 0x71, 0]) { _ in [0x71, 0, 0x71, 0] }
            }
        }
    }

    /// Measured in CPU time of this thread, so that a busy machine causes no failure. Five seconds allow for slow machines: time
    /// that grew with the square of the length would be hours.
    @Test(arguments: Kind.allCases) func eightMegabytesTakeLessThanFiveSeconds(kind: Kind) {
        let pickle = kind.pickle
        #expect(pickle.count <= PickleMachine.sizeLimit)
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        let begin = Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
        _ = pickle.withUnsafeBytes { bytes in
            var machine = PickleMachine(bytes, file: "x")
            return Result { try machine.run() }
        }
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        let seconds = Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9 - begin
        #expect(seconds < 5, "\(kind): \(seconds) s")
    }

    /// More entries than any checkpoint has.
    @Test func aHundredThousandEntriesAreRead() {
        var bytes: [UInt8] = [0x80, 2, 0x7D]
        for number in 0..<100_000 { bytes += Self.text(String(number)) + [0x4E, 0x73] }
        bytes.append(0x2E)
        let sentence = bytes.withUnsafeBytes { bytes in
            var machine = PickleMachine(bytes, file: "x")
            do {
                _ = try machine.run()
                return ""
            } catch {
                return "\(error)"
            }
        }
        // Read to the end, where None is not a tensor.
        #expect(sentence.contains("None"), "\(sentence)")
    }
}
