import ArgumentParser
import ForetokenDecoding
import ForetokenFiles
import ForetokenReport
import ForetokenText
import Foundation

struct Chat: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Talk with a model in the form of its chat template.",
        discussion: """
            Reads one message per line from standard input and streams the answers; a line that ends with a backslash is \
            continued in the next. What has been read stays in the cache, so that only new text is computed. Ctrl-C ends an \
            answer.

            \(ChatLine.help)

            Examples:
              foretoken chat --model SmolLM2-135M-Instruct.Q4_1.gguf
              foretoken chat --model runs/finetuned --system 'Answer in one sentence.' --temperature 0.7
              echo 'What is 2 + 2?' | foretoken chat --model SmolLM2
            """)

    @Option(help: "A run or model folder, or a GGUF file, with a chat template.", completion: .directory)
    var model: Path

    @Option(parsing: .unconditional, help: "A system message before the conversation; none if omitted.")
    var system: String?

    @Option(
        parsing: .unconditional, help: "The largest number of tokens of an answer; the rest of the context if omitted.")
    var maxTokens: Int?

    @Option(
        parsing: .unconditional,
        help: "Heads to use in every forward pass; if omitted, the draft length is chosen for speed while decoding.")
    var heads: Int?

    @Option(
        name: .customLong("template-variable"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "A variable of the template with a JSON value, such as enable_thinking=false; may be given more than once.",
            valueName: "name=value"))
    var variables: [String] = []

    @OptionGroup(title: "Sampling")
    var sampling: SamplingOptions

    @OptionGroup(title: "Weights")
    var weights: WeightOptions

    @Flag(help: "After every answer, log its tokens and speed to standard error.")
    var timings = false

    func validate() throws { try require(maxTokens, "--max-tokens", in: 1...(.max)) }

    func run() async throws {
        InterruptFlag.install()
        let (model, tokenizer, folder) = try await weights.load(model)
        var limits = BatchEngine.Limits()
        limits.cacheBytes = .max
        let language = try LanguageModel(model, tokenizer: tokenizer, limits: limits)
        let session = ChatSession(
            language, try ChatFormat(of: folder, tokenizer: tokenizer), system: system,
            variables: try parsedVariables(), maximumTokens: maxTokens, heads: heads, sampler: try sampling.sampler())
        try await talk(session)
    }

    private func parsedVariables() throws -> JSONObject {
        var object = JSONObject()
        for variable in variables {
            guard let equals = variable.firstIndex(of: "="), equals > variable.startIndex else {
                throw ValidationError("--template-variable '\(variable)': give name=value")
            }
            let text = String(variable[variable.index(after: equals)...])
            // What is no JSON is a text: quotes would have to survive the shell.
            object[String(variable[..<equals])] = (try? JSONValue(parsing: text, file: "")) ?? .string(text)
        }
        return object
    }

    private func talk(_ session: ChatSession) async throws {
        let isInteractive = isatty(STDIN_FILENO) == 1
        let isColored = Terminal.allowsColor
        if isInteractive { Terminal.log("/help lists the commands; Ctrl-D ends.") }
        while true {
            if isInteractive { try show(isColored ? "\u{1B}[1m>\u{1B}[0m " : "> ") }
            guard let text = Self.readMessage() else { break }
            switch ChatLine(text) {
            case .nothing: continue
            case .quit: return
            case .commands: Terminal.log(ChatLine.help)
            case .clear: session.clear()
            case .system(let system): session.setSystem(system)
            case .unknown(let name): Terminal.log("there is no \(name); \(ChatLine.help)")
            case .regenerate:
                guard session.takeBackAnswer() else {
                    Terminal.log("there is no answer to generate again")
                    continue
                }
                if sampling.temperature == 0 {
                    Terminal.log("at --temperature 0 the answer is the same; give a temperature for another one")
                }
                try await answer(session, isInteractive: isInteractive)
            case .message(let message):
                session.say(message)
                try await answer(session, isInteractive: isInteractive)
            }
        }
        if isInteractive { try show("\n") }
        if InterruptFlag.isRaised { throw ExitCode(130) }
    }

    /// Streams the answer to the last message; a message that cannot be answered is taken back.
    private func answer(_ session: ChatSession, isInteractive: Bool) async throws {
        let printer = StreamPrinter(isQuiet: false)
        do {
            let statistics = try await session.answer { pieces in
                try printer.show(pieces)
                return !InterruptFlag.isRaised
            }
            try printer.finish()
            if timings { Terminal.log(GenerationOutput(text: "", statistics: statistics).summary) }
        } catch  where isInteractive && !(error is CancellationError) && !(error is ExitCode) {
            Terminal.log("\(error)")
        }
        guard InterruptFlag.isRaised else { return }
        // On a terminal Ctrl-C ends the answer; otherwise the program.
        guard isInteractive else { throw ExitCode(130) }
        InterruptFlag.reset()
        InterruptFlag.install()
    }

    private func show(_ text: String) throws {
        print(text, terminator: "")
        try Startup.finishOutput()
    }

    /// A message from standard input: a line, or several that are joined by a backslash at their ends; nil at the end.
    private static func readMessage() -> String? {
        guard var text = readLine() else { return nil }
        while text.hasSuffix("\\") {
            text.removeLast()
            guard let next = readLine() else { return text }
            text += "\n" + next
        }
        return text
    }
}

/// What a line of a conversation asks for.
enum ChatLine: Equatable {
    case nothing
    case message(String)
    case system(String)
    case clear
    case regenerate
    case commands
    case quit
    case unknown(String)

    static let help = """
        Commands: /system TEXT sets the system message and begins a new conversation, /clear begins a new one, /regenerate \
        answers again with another seed, /help, /quit; // begins a message with a slash.
        """

    init(_ line: String) {
        let text = line.trimmingCharacters(in: .whitespacesAndNewlines)
        guard text.hasPrefix("/") else {
            self = text.isEmpty ? .nothing : .message(line)
            return
        }
        if text.hasPrefix("//") {
            self = .message(String(text.dropFirst()))
            return
        }
        let parts = text.split(separator: " ", maxSplits: 1).map(String.init)
        switch parts[0] {
        case "/system": self = .system(parts.count > 1 ? parts[1] : "")
        case "/clear": self = .clear
        case "/regenerate": self = .regenerate
        case "/help": self = .commands
        case "/quit", "/exit": self = .quit
        default: self = .unknown(parts[0])
        }
    }
}
