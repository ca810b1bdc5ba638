"""
What mkvtwist costs, measured on the machine at hand: C{python -m benchmarks}.

The modules, in the order in which data moves through them:

  - C{marks}, C{clip}, C{wire}: the media, made here, and its bytes
  - C{sender}: writes it at its own pace; a process of its own
  - C{floor.c}, C{servers}, C{perclient}: who serves it
  - C{sink.c}: who watches it; C{sink}: the same in Python, for want of a compiler
  - C{tools}: builds the C programs
  - C{processes}, C{accounting}: starting, ending, and the kernel's own figures
  - C{measure}: one server, one sender, one sink, one window of time
  - C{scenarios}: what is measured
  - C{results}, C{plot}, C{compare}: what is said about it
  - C{cli}: the command line

Nothing here is imported by mkvtwist, and only PyAV is imported besides the
standard library.
"""
