"""
Inputs: opened, waited for, tried again, published to by senders (I{reactor}).

    - L{service<mkvtwist.inputs.service>} puts the parts of one input together, by the table of
      L{lifecycle<mkvtwist.inputs.lifecycle>}
    - L{sources<mkvtwist.inputs.sources>} says how an input of each form comes by its media;
      L{endpoint<mkvtwist.inputs.endpoint>} and L{push<mkvtwist.inputs.push>} are forms that senders
      come to, by the interface of L{listener<mkvtwist.inputs.listener>};
      L{feed<mkvtwist.inputs.feed>} is a sender in the program itself
    - L{senders<mkvtwist.inputs.senders>} has senders of all protocols,
      L{sender_slot<mkvtwist.inputs.sender_slot>} the place that one of them has
    - L{reader_thread<mkvtwist.inputs.reader_thread>} starts readers,
      L{readings<mkvtwist.inputs.readings>} passes on what they make, for the
      L{primary<mkvtwist.inputs.primary>} input or its
      L{fallback<mkvtwist.inputs.fallback>}; L{timeline_turns<mkvtwist.inputs.timeline_turns>} gives
      the timeline to one of them at a time
    - L{retry<mkvtwist.inputs.retry>}, L{deadline<mkvtwist.inputs.deadline>},
      L{on_demand<mkvtwist.inputs.on_demand>} and L{resting<mkvtwist.inputs.resting>} say when
    - L{bitrate<mkvtwist.inputs.bitrate>} limits the input,
      L{reports<mkvtwist.inputs.reports>} tells operators of it
"""
