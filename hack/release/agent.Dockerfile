# What `cniproof agent --image` assembles, for all architectures under one name.
FROM scratch
ARG TARGETPLATFORM
COPY $TARGETPLATFORM/agent /agent
ENTRYPOINT ["/agent"]
