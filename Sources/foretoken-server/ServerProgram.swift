#if Server
    public import ArgumentParser
    public import ForetokenDecoding
    import ForetokenFiles
    import ForetokenModel
    import ForetokenPlatform
    import ForetokenServing
    import Hummingbird
    public import Logging
    import Metrics
    import NIOCore
    import NIOSSL
    import ServiceLifecycle
    import UnixSignals

    @main
    struct ForetokenServerCommand: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "foretoken-server",
            abstract: "Serve models over HTTP, compatible with OpenAI's API.",
            discussion: """
                Texts, penalties and log-probabilities are the same with and without speculative decoding. Model files and folders \
                of every readable format are served: runs, model folders, Hugging Face's and GGUF files.

                Examples:
                  foretoken-server --model runs/demo
                  foretoken-server --model chat=SmolLM2-135M-Instruct.Q4_1.gguf --model code=Models/python-bytes --port 8080
                  foretoken-server --model runs/demo --host 0.0.0.0 --api-key-file keys.txt

                SIGTERM and Ctrl-C refuse new requests, let those in progress end, and stop after --grace seconds.
                """,
            version: ServerSettings().version)

        @Option(
            help: ArgumentHelp(
                "A model to serve, perhaps with the name that clients see; may be given more than once. The first answers requests for unknown names.",
                valueName: "name=folder"), completion: .directory)
        var model: [String]

        @Option(help: "The address to listen on; 0.0.0.0 for all.")
        var host = "127.0.0.1"

        @Option(help: "The port to listen on; 0 for any free one.")
        var port = 8000

        @Option(
            name: .customLong("api-key"),
            help:
                "A key that clients must send; may be given more than once. None if omitted. Other users of the machine can see it: see --api-key-file."
        )
        var apiKeys: [String] = []

        @Option(help: "A file with one key per line; no keys if omitted.", completion: .file())
        var apiKeyFile: String?

        @Option(help: "The format of the weights in memory; bf16 and int8 are faster and change the text.")
        var weights = WeightFormat.f32

        @Option(
            help: "Heads to use in every forward pass; if omitted, the draft length is chosen for speed while decoding."
        )
        var heads: Int?

        @Option(help: "CPU threads; all cores if omitted.")
        var threads: Int?

        @Option(help: "The largest number of texts in one forward pass.")
        var parallel = 8

        @Option(help: "The largest number of texts that wait; a request for more is refused with status 503.")
        var queue = 256

        @Option(name: .customLong("cache-mib"), help: "The size of each model's cache of keys and values, in MiB.")
        var cacheMiB = 1024

        @Option(help: "The largest duration of a request, in seconds; no limit if omitted.")
        var timeout: Int?

        @Option(name: .customLong("max-body-mib"), help: "The largest body of a request, in MiB.")
        var maximumBodyMiB = 16

        @Option(help: "Seconds that requests in progress have to end when the server stops.")
        var grace = 30

        @Option(help: "The web site whose pages may read the answers; * for every site.")
        var corsOrigin = "*"

        @Option(
            help: "A PEM file with the certificate chain for TLS; HTTP without TLS if omitted.", completion: .file())
        var tlsCertificate: String?

        @Option(
            help: "The PEM file with the certificate's private key; only with --tls-certificate if not omitted.",
            completion: .file())
        var tlsKey: String?

        @Flag(name: .customLong("metrics-aliases"), help: "Give /metrics also vLLM's and llama.cpp's names.")
        var aliasesMetrics = false

        @Option(help: "The lowest level of log lines: trace, debug, info, notice, warning, error or critical.")
        var logLevel = Logger.Level.info

        func validate() throws {
            func check(_ value: Int?, _ option: String, _ bounds: ClosedRange<Int>) throws {
                guard let value, !bounds.contains(value) else { return }
                throw ValidationError("\(option) \(value): must be \(bounds.lowerBound) to \(bounds.upperBound)")
            }
            if model.isEmpty { throw ValidationError("give a model to serve: --model FOLDER") }
            try check(port, "--port", 0...65_535)
            try check(threads, "--threads", 1...1024)
            try check(heads, "--heads", 1...1024)
            try check(parallel, "--parallel", 1...1024)
            try check(queue, "--queue", 0...1_000_000)
            try check(cacheMiB, "--cache-mib", 1...(1 << 30))
            try check(timeout, "--timeout", 1...1_000_000)
            try check(maximumBodyMiB, "--max-body-mib", 1...4096)
            try check(grace, "--grace", 0...86_400)
            guard (tlsCertificate == nil) == (tlsKey == nil) else {
                throw ValidationError("--tls-certificate and --tls-key need each other")
            }
        }

        func run() async throws {
            let logger = Logger(label: "foretoken-server") { _ in ServerLog(level: logLevel) }
            if let threads { await Self.use(threads: threads) }
            let sources = try model.map { try ModelSource($0, heads: heads) }
            try Self.checkNames(sources)
            let api = API(settings: try settings())
            MetricsSystem.bootstrap(api.metricsFactory)
            var limits = HTTPLimits()
            limits.bodyBytes = maximumBodyMiB << 20
            if api.settings.keys.isEmpty, !host.hasPrefix("127."), !["localhost", "::1"].contains(host) {
                logger.warning("anybody who reaches \(host) can use the models: set a key with --api-key-file")
            }
            let server = try ForetokenServer(
                api, address: .hostname(host, port: port), limits: limits, grace: .seconds(grace),
                origin: corsOrigin,
                tls: tlsConfiguration(), logger: logger, isListening: { printAddress(port: $0 ?? port) }
            ) { [logger] in
                var models: [ServedModel] = []
                for source in sources {
                    let begin = ContinuousClock().now
                    let model = try source.load(self)
                    let milliseconds = (ContinuousClock().now - begin) / .milliseconds(1)
                    logger.notice("\(model.name): loaded in \(Int(milliseconds.rounded())) ms")
                    if let bytes = await model.cacheBytesMissing {
                        logger.warning(
                            "\(model.name): --cache-mib \(cacheMiB) does not hold a text as long as the context, which needs \(bytes >> 20) MiB; requests for as much are refused"
                        )
                    }
                    models.append(model)
                }
                return models
            }
            var configuration = ServiceGroupConfiguration(
                services: [server], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
            // The server ends what is in progress; this is for what does not end.
            configuration.maximumGracefulShutdownDuration = .seconds(grace + 10)
            do {
                try await ServiceGroup(configuration: configuration).run()
            } catch let error as IOError {
                throw Failure("cannot listen on \(host), port \(port): \(String(cString: strerror(error.errnoCode)))")
            }
        }

        private func settings() throws -> ServerSettings {
            var settings = ServerSettings()
            (settings.parallel, settings.queue, settings.aliasesMetrics) = (parallel, queue, aliasesMetrics)
            settings.timeout = timeout.map { .seconds($0) }
            settings.keys = try apiKeys + keysOfFile()
            return settings
        }

        /// Prints the line to click.
        private func printAddress(port: Int) {
            // What listens on every address is reached on this machine's own.
            let reached = ["0.0.0.0": "127.0.0.1", "::": "::1"][host] ?? host
            let name = reached.contains(":") ? "[\(reached)]" : reached
            print("foretoken-server: \(tlsCertificate == nil ? "http" : "https")://\(name):\(port)")
            fflush(nil)
        }

        /// Fails for models that clients could not tell apart.
        private static func checkNames(_ sources: [ModelSource]) throws {
            var names: Set<String> = []
            for source in sources where !names.insert(source.name).inserted {
                throw Failure("two models are named '\(source.name)'; give them names with --model NAME=FOLDER")
            }
        }

        @ComputeActor private static func use(threads: Int) { CPUKernels.threads = threads }

        private func keysOfFile() throws -> [String] {
            guard let apiKeyFile else { return [] }
            let bytes: [UInt8]
            do {
                bytes = try OpenFile(reading: URL(fileURLWithPath: apiKeyFile)).readToEnd()
            } catch {
                throw Failure("--api-key-file \(apiKeyFile): \(error.systemReason)")
            }
            let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
            let keys = lines.compactMap { $0.split(whereSeparator: \.isWhitespace).first.map(String.init) }
            guard !keys.isEmpty else { throw ValidationError("--api-key-file \(apiKeyFile): there is no key in it") }
            return keys
        }

        private func tlsConfiguration() throws -> TLSConfiguration? {
            guard let tlsCertificate, let tlsKey else { return nil }
            guard let chain = try? NIOSSLCertificate.fromPEMFile(tlsCertificate), !chain.isEmpty else {
                throw Failure("--tls-certificate \(tlsCertificate): no certificate in PEM form can be read from it")
            }
            guard let key = try? NIOSSLPrivateKey(file: tlsKey, format: .pem) else {
                throw Failure("--tls-key \(tlsKey): no private key in PEM form can be read from it")
            }
            return TLSConfiguration.makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        }
    }

    /// A failure described in one sentence.
    struct Failure: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }

    /// A model on the command line: `FOLDER` or `NAME=FOLDER`.
    private struct ModelSource: Sendable {
        let name: String
        let url: URL

        /// Checks what can be checked before the server listens.
        init(_ argument: String, heads: Int?) throws {
            guard !argument.isEmpty else { throw ValidationError("--model '': give a folder or a file") }
            // A folder whose name has an equals sign is taken as it is.
            let exists = access(argument, F_OK) == 0
            if !exists, let equals = argument.firstIndex(of: "="), equals > argument.startIndex {
                (name, url) = (
                    String(argument[..<equals]),
                    URL(fileURLWithPath: String(argument[argument.index(after: equals)...]))
                )
            } else {
                url = URL(fileURLWithPath: argument)
                name = ServedModel.name(of: url)
            }
            let available = try ModelFolder.source(ModelFolder.locate(url)).configuration.heads
            if let heads, heads > available {
                throw DecodingError.tooManyHeads(asked: heads, available: available)
            }
        }

        func load(_ command: ForetokenServerCommand) throws -> ServedModel {
            var limits = BatchEngine.Limits()
            (limits.sequences, limits.cacheBytes) = (command.parallel, command.cacheMiB << 20)
            return try ServedModel(name: name, at: url, format: command.weights, limits: limits, heads: command.heads)
        }
    }

    extension WeightFormat: ExpressibleByArgument {}
    extension Logger.Level: @retroactive ExpressibleByArgument {}
#else
    @main
    struct Program {
        static func main() {
            print("foretoken-server was built without its web server; build it with: make serve")
        }
    }
#endif
