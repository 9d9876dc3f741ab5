# docker build --build-arg VERSION=v1.2.3 --build-arg REVISION=$(git rev-parse HEAD) -t dormant .
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS TARGETARCH VERSION REVISION
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false \
      -ldflags "-s -w -X dormant/command.release=$VERSION -X dormant/command.commit=$REVISION" -o /dormant .

# CA certificates, time zones, and nothing to run but dormant.
FROM gcr.io/distroless/static-debian12:nonroot
ARG VERSION REVISION
LABEL org.opencontainers.image.title=dormant \
      org.opencontainers.image.description="Finds unused accounts in user directories and removes them safely" \
      org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.revision=$REVISION
COPY THIRD_PARTY_LICENSES.md /licenses/
COPY --from=build /dormant /dormant
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/dormant"]
CMD ["daemon"]
