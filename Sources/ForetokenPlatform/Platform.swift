// The one place that knows which C library and which Foundation a platform has. Who imports this module gets both.
//
// FoundationEssentials where it exists: Foundation brings 40 MB of ICU into a program that runs a model.
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
