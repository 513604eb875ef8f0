import Foundation
import Testing

/// `foretoken` has no LibTorch; what needs it runs `foretoken-torch` beside it.
@Suite(.serialized) struct TwoProgramsTests {
    private let place: Workplace
    private let alone: URL

    init() throws {
        place = try Workplace()
        alone = URL(fileURLWithPath: place.path("alone"))
        try FileManager.default.createDirectory(at: alone, withIntermediateDirectories: true)
        try FileManager.default.copyItem(at: Command.program, to: alone.appendingPathComponent("foretoken"))
    }

    private static let model = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../Models/python-bytes").standardizedFileURL.path

    private func shell(_ line: String) throws -> Command.Result {
        try Command.shell(line.replacingOccurrences(of: "$A", with: alone.appendingPathComponent("foretoken").path))
    }

    @Test func theSmallProgramLinksNoLibTorch() throws {
        let libraries = try Command.shell("ldd $F").output
        #expect(libraries.contains("libc.so") && !libraries.contains("torch") && !libraries.contains("libc10"))
    }

    @Test func aloneItDecodesAndSaysWhatIsMissing() throws {
        let text = try shell("exec $A generate --model '\(Self.model)' --prompt 'def ' --max-tokens 8")
        #expect(text.code == 0 && text.output.hasPrefix("def "))
        for line in [
            "train x.yaml --out r", "study x.yaml --dry-run", "evaluate loss --model m --data d", "bench memory",
            "generate --model '\(Self.model)' --device cuda", "inspect x.yaml",
        ] {
            let result = try shell("exec $A \(line)")
            #expect(result.code == 1 && result.errors.contains("needs LibTorch"), "\(line): \(result.errors)")
        }
        for line in [
            "train --help", "help evaluate loss", "bench --help",
            "generate --model '\(Self.model)' --max-tokens 1 --device cpu",
        ] {
            #expect(try shell("exec $A \(line)").code == 0, "\(line)")
        }
    }

    /// A link from one to the other would go on for ever.
    @Test func aProgramThatIsItselfIsNotRunAgain() throws {
        try FileManager.default.createSymbolicLink(
            at: alone.appendingPathComponent("foretoken-torch"),
            withDestinationURL: alone.appendingPathComponent("foretoken"))
        let result = try shell("exec timeout 60 $A train x.yaml --out r")
        #expect(result.code == 1 && result.errors.contains("is not the program with LibTorch"), "\(result.errors)")
    }

    /// The runtime must not take the numbers of standard input and output for files of its own.
    @Test(arguments: [">&-", "<&- >&-", "<&- >&- 2>&-"])
    func closedDescriptorsAreNobodys(closed: String) throws {
        #expect(try Command.shell("exec $F generate --model '\(Self.model)' --max-tokens 3 --json \(closed)").code == 0)
        #expect(try Command.shell("exec $F bench memory --help \(closed)").code == 0)
    }

    @Test func aRunsRecipeThatCannotBeReadIsNamed() throws {
        let run = URL(fileURLWithPath: place.path("run"))
        try FileManager.default.copyItem(at: URL(fileURLWithPath: Self.model), to: run)
        for (text, words) in [("data: [a", "is not valid YAML: line"), ("\u{1}", "YAML"), ("x", "has no data.train")] {
            try Data(text.utf8).write(to: run.appendingPathComponent("recipe.yaml"))
            let result = try Command.run("evaluate", "arithmetic", "--model", run.path)
            #expect(
                result.code == 1 && result.errors.contains("recipe.yaml") && result.errors.contains(words),
                "\(result.errors)")
        }
        try Data([0xFF, 0xFE, 0x00]).write(to: run.appendingPathComponent("recipe.yaml"))
        #expect(try Command.run("evaluate", "arithmetic", "--model", run.path).errors.contains("is not UTF-8"))
    }
}
