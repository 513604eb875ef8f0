// Re-exports the platform's C library and Foundation, so that no other file needs to distinguish platforms for imports.
//
// FoundationEssentials if available: the full Foundation adds 40 MB of ICU to a program that runs a model.
#if canImport(FoundationEssentials)
    @_exported import FoundationEssentials
#else
    @_exported import Foundation
#endif

#if canImport(Glibc)
    @_exported import Glibc
#elseif canImport(Musl)
    @_exported import Musl
#elseif canImport(Darwin)
    @_exported import Darwin
#endif
