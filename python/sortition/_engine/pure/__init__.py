"""The engine in plain Python: the readable specification, and the fallback where no wheel fits.

The modules mirror ``rust/engine/src`` one for one, in names and order; read them side by side. No
code is shared with the compiled engine, and no cleverness is spent on speed. `surface` is what the
compiled engine's bindings are: the engine's door to the rest of the package.
"""
