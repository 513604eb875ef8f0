import Foundation
import Testing

/// Help of every command of both programs, read from the description that ArgumentParser gives of them.
struct HelpTests {
    /// `--experimental-dump-help`, version 0.
    private struct Dump: Decodable { let command: Subcommand }

    private struct Subcommand: Decodable {
        let commandName: String
        let abstract: String?
        let discussion: String?
        let arguments: [Argument]?
        let subcommands: [Subcommand]?

        /// This command and those below it, each with its path; ArgumentParser's own `help` aside.
        func walk(_ path: String = "") -> [(path: String, command: Subcommand)] {
            let own = path.isEmpty ? commandName : "\(path) \(commandName)"
            let below = (subcommands ?? []).filter { $0.commandName != "help" }
            return [(own, self)] + below.flatMap { $0.walk(own) }
        }
    }

    private struct Argument: Decodable {
        struct Name: Decodable { let name: String }

        let kind: String
        let valueName: String?
        let names: [Name]?
        let isOptional: Bool
        let isRepeating: Bool
        let defaultValue: String?
        let abstract: String?
        let discussion: String?

        var label: String { names?.map { "--\($0.name)" }.joined(separator: " ") ?? "<\(valueName ?? "")>" }
    }

    /// Every program with its number of commands: the root, prepare, train, study, generate, chat, evaluate with 9, inspect,
    /// convert, bench with 5, report.
    private static let programs: [(name: String, commands: Int)] = {
        var programs = [("foretoken", 25), ("foretoken-torch", 25)]
        #if Server
            programs.append(("foretoken-server", 1))
        #endif
        return programs
    }()

    private func commands(of program: (name: String, commands: Int)) throws -> [(path: String, command: Subcommand)] {
        let url = Command.program.deletingLastPathComponent().appendingPathComponent(program.name)
        let result = try Command.shell("exec '\(url.path)' --experimental-dump-help")
        #expect(result.code == 0, "\(result.errors)")
        return try JSONDecoder().decode(Dump.self, from: Data(result.output.utf8)).command.walk()
    }

    private func isSentence(_ text: String?) -> Bool {
        guard let text else { return false }
        return text.split(separator: " ").count >= 3 && text.hasSuffix(".")
    }

    @Test(arguments: programs) func everyCommandAndOptionIsExplainedInASentence(program: (name: String, commands: Int)) throws {
        let commands = try commands(of: program)
        #expect(commands.count == program.commands)
        for (path, command) in commands {
            #expect(isSentence(command.abstract), "\(path): \(command.abstract ?? "no abstract")")
            for argument in command.arguments ?? [] {
                #expect(
                    isSentence(argument.abstract), "\(path) \(argument.label): \(argument.abstract ?? "no help")")
            }
        }
    }

    /// ArgumentParser prints defaults; an option that has none says what its absence means, or names the option that decides.
    @Test(arguments: programs) func optionsWithoutADefaultSayWhatHappensWithoutThem(
        program: (name: String, commands: Int)
    ) throws {
        var checked = 0
        for (path, command) in try commands(of: program) {
            for argument in command.arguments ?? []
            where argument.kind == "option" && argument.isOptional && !argument.isRepeating
                && argument.defaultValue == nil
            {
                let help = argument.abstract ?? ""
                #expect(help.contains("omitted") || help.contains("--"), "\(path) \(argument.label): \(help)")
                checked += 1
            }
        }
        #expect(checked >= (program.commands == 1 ? 5 : 20))
    }

    /// Words of the project's former vocabulary (a private dialect), and what is to be said instead.
    private static let privateWords: [(pattern: String, instead: String)] = [
        ("so many", "this many"), ("goes? on", "resume, continue"), ("as pay", "adaptive draft length"),
        ("that pay", "adaptive draft length"), ("plain", "next-token, uncompressed"),
        ("pass of", "N-token pass"), ("kept", "accepted, stored"), ("what is", "the thing itself"),
        ("what are", "the thing itself"), ("(?<!-)samples(?!\\.jsonl)", "sequences, completions"),
        ("fingerprint", "digest"), ("products?", "GEMM, matrix multiplication"), ("if not given", "if omitted"),
        ("is not there", "does not exist"), ("likeliest", "most likely"),
        ("side by side", "in batches, at the same time"),
        ("beside", "in the same folder, relative to"), ("rotated?", "rope"), ("gated", "swiglu"),
        ("latent", "trunk output"), ("deciding", "next-token path"), ("taps", "head outputs"),
        ("silent rows", "cache-only rows"), ("tokens a (pass|forward)", "tokens per forward pass"),
        ("maximumTokens", "token limit"), ("[VDHKTBn]\\.", "the quantity's name"),
    ]

    @Test(arguments: programs) func helpUsesTheFieldsWords(program: (name: String, commands: Int)) throws {
        for (path, command) in try commands(of: program) {
            let arguments = (command.arguments ?? []).flatMap { [$0.abstract, $0.discussion] }
            // Of a discussion the sentences: examples name folders and arms as they like.
            let discussion = command.discussion.map { String($0.prefix { $0 != "\n" }) }
            for text in ([command.abstract, discussion] + arguments).compactMap(\.self) {
                for (pattern, instead) in Self.privateWords {
                    let match = text.range(of: "\\b(\(pattern))(?!\\w)", options: [.regularExpression])
                    #expect(match == nil, "\(path): '\(text)': not '\(pattern)' but '\(instead)'")
                }
            }
        }
    }

    @Test(arguments: [
        ["bench", "decode", "--pass-widths", "1,x"], ["bench", "decode", "--pass-widths", ""],
        ["evaluate", "grade", "--problems", "p", "--samples", "s", "--out", "r", "-k", "1,,2"],
        ["evaluate", "generate", "--model", "m", "--problems", "p", "--samples", "s", "--temperatures", "0.2,0.2"],
        ["bench", "device", "--precisions", "f16"],
    ])
    func listsThatAreNotNumbersAreWrongUsage(arguments: [String]) throws {
        let result = try Command.run(arguments)
        #expect(result.code == 64 && result.errors.contains("must be"), "\(result.errors)")
    }
}
