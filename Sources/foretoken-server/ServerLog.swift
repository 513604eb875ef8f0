#if Server
    import ForetokenPlatform
    import Logging

    /// Writes a line for each message to standard error: time, level, message, then what is known beside it.
    struct ServerLog: LogHandler {
        var logLevel: Logger.Level
        var metadata = Logger.Metadata()
        var metadataProvider: Logger.MetadataProvider?

        init(level: Logger.Level) { logLevel = level }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            // The web server says in its own words what is said here already, and calls a shutdown's cancellations errors.
            if event.source == "HummingbirdCore" || event.source == "ServiceLifecycle", logLevel > .debug { return }
            let known = metadata.merging(event.metadata ?? [:]) { $1 }.filter { $0.key != "hb.request.id" }
            let details = known.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
            let line = "\(Self.now) \(event.level) \(event.message)\(details)\n"
            // One call, so that lines of several threads do not mix.
            _ = Array(line.utf8).withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
        }

        private static var now: String {
            var (seconds, parts) = (time(nil), tm())
            gmtime_r(&seconds, &parts)
            func digits(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
            let date = "\(parts.tm_year + 1900)-\(digits(parts.tm_mon + 1))-\(digits(parts.tm_mday))"
            return "\(date)T\(digits(parts.tm_hour)):\(digits(parts.tm_min)):\(digits(parts.tm_sec))Z"
        }
    }
#endif
