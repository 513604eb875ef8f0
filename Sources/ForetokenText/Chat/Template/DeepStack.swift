import ForetokenPlatform

/// Runs what recurses on a thread whose stack is large enough for the deepest recursion that is allowed.
///
/// The caller's stack may be small: 512 KiB on macOS's secondary threads, 128 KiB with musl.
enum DeepStack {
    /// Rendering at its deepest takes 1 MiB, and 8 MiB in debug builds. Untouched pages take no memory.
    private static let size = 16 << 20

    private final class Job: @unchecked Sendable {
        let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
    }

    /// Runs a closure on a thread of its own and waits for it.
    static func run<Result>(_ body: () throws -> Result) throws -> Result {
        try withoutActuallyEscaping(body) { body in
            var result: Swift.Result<Result, any Error>?
            let job = Unmanaged.passRetained(Job { result = Swift.Result { try body() } })
            defer { job.release() }
            var attributes = pthread_attr_t()
            pthread_attr_init(&attributes)
            pthread_attr_setstacksize(&attributes, size)
            defer { pthread_attr_destroy(&attributes) }
            #if canImport(Darwin)
                var thread: pthread_t?
                let status = pthread_create(
                    &thread, &attributes,
                    { argument in
                        Unmanaged<Job>.fromOpaque(argument).takeUnretainedValue().body()
                        return nil
                    }, job.toOpaque())
                guard status == 0, let thread else { throw TemplateFault.limit("could not start a thread for it") }
            #else
                var thread = pthread_t()
                let status = pthread_create(
                    &thread, &attributes,
                    { argument in
                        if let argument { Unmanaged<Job>.fromOpaque(argument).takeUnretainedValue().body() }
                        return nil
                    }, job.toOpaque())
                guard status == 0 else { throw TemplateFault.limit("could not start a thread for it") }
            #endif
            pthread_join(thread, nil)
            guard let result else { throw TemplateFault.limit("its thread ended early") }
            return try result.get()
        }
    }
}
